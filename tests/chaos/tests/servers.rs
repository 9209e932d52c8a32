//! The faults of a Redis server heal.

use cache_tests::RedisServer;

/// The users of Redis and their rights.
fn rights(redis: &RedisServer) -> String {
    redis.raw(&["ACL", "LIST"]).unwrap()
}

#[test]
fn revoked_rights_are_restored() {
    let redis = RedisServer::start();
    let usual = rights(&redis);
    for rules in [["-evalsha"], ["resetchannels"], ["resetkeys"], ["-mget"]] {
        redis.change_rights(&rules);
        assert_ne!(rights(&redis), usual, "{rules:?}");
        redis.restore_rights();
        assert_eq!(rights(&redis), usual, "{rules:?}");
    }
    redis.switch_user_off();
    assert!(rights(&redis).contains("user tests off"), "{}", rights(&redis));
    redis.restore_rights();
    assert_eq!(rights(&redis), usual);
}

#[test]
fn a_dump_is_loaded_by_one_kind_of_restart_only() {
    let mut redis = RedisServer::start();
    let get = |redis: &RedisServer| redis.raw(&["GET", "key"]).unwrap();
    redis.command(&["SET", "key", "old"]);
    redis.save();
    redis.command(&["SET", "key", "new"]);
    redis.restart_from_dump();
    assert_eq!(get(&redis), "old");
    redis.restart();
    assert_eq!(get(&redis), "(nil)");
    redis.restart_from_dump();
    assert_eq!(get(&redis), "(nil)", "the dump is not loaded");
}

//! Replicas that lag, and the token of the newest state.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use cache_tests::RestServer;

use super::{Instance, builder, filled, one_row, until};

/// Sends one command as a client that has seen no state, and returns the response.
fn raw(server: &RestServer, command: &str) -> String {
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    let (token, length) = (server.token(), command.len());
    let head = format!("POST / HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{command}").as_bytes()).unwrap();
    let mut response = String::new();
    let mut piece = [0; 4096];
    while !response.contains('}') {
        let length = stream.read(&mut piece).unwrap();
        response.push_str(std::str::from_utf8(&piece[..length]).unwrap());
    }
    response
}

/// A replica that lags has the entry and the generation from before a write, which fit each other.
///
/// The message of the write has arrived before the read, whose value stays in the local tier.
#[tokio::test]
async fn a_lagging_replica_shows_no_old_value() {
    let server = RestServer::start_with_replica();
    let rows = one_row();
    let writer = filled(&server, &rows).await;
    let reader = Instance::connected(builder(&server), &rows).await;
    assert_eq!(reader.store.get(1).await, Ok(Some(10)));
    // Until here the replica follows.
    server.thaw_replica();
    server.freeze_replica();
    writer.store.set(1, 20).await.unwrap();
    until("the invalidation is received", || reader.store.peek_get(1).is_none()).await;
    let get = r#"["GET","g:{race:test:register:1}"]"#;
    let generation = server.redis().raw(&["GET", "g:{race:test:register:1}"]).unwrap();
    assert!(!raw(&server, get).contains(&generation), "the replica does not lag");
    for instance in [&reader, &writer] {
        assert_eq!(instance.store.get(1).await, Ok(Some(20)));
        assert_eq!(instance.store.peek_get(1), Some(Some(20)));
    }
    let newcomer = Instance::connected(builder(&server), &rows).await;
    assert_eq!(newcomer.store.get(1).await, Ok(Some(20)));
    server.thaw_replica();
    assert!(raw(&server, get).contains("result"));
}

#[tokio::test]
async fn each_request_has_the_token_of_the_last_response() {
    let server = RestServer::start_with_replica();
    let instance = filled(&server, &one_row()).await;
    for value in 0..5 {
        instance.store.set(1, value).await.unwrap();
        assert_eq!(instance.store.get(1).await, Ok(Some(value)));
    }
    let requests = server.requests();
    let mut pipelines = requests.iter().filter(|request| request.path == "/pipeline");
    assert_eq!(pipelines.next().unwrap().sync_token, None, "the first request knows of no state");
    let tokens: Vec<_> = pipelines.map(|request| request.sync_token.clone().expect("a token")).collect();
    let state = |token: &String| token.strip_prefix('s').unwrap().parse::<u64>().unwrap();
    assert!(tokens.len() > 10 && state(tokens.last().unwrap()) > state(&tokens[0]), "{tokens:?}");
}

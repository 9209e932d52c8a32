//! Row-level security of conversations: the policies admit the rows that the stores' rules admit.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Executor, PgPool};
use stores::conversation::{
    ConversationStatus, ConversationStore, MessageRole, NewMessage, PostgresConversationStore, may_read,
};
use stores::{ConversationId, MessageId, PageRequest, TenantId, UserId};

use super::super::fixtures;
use super::super::roles::{PERMISSION_DENIED, change, claims, create_auditor, create_role, session};
use super::kinds::kinds;

struct Fixture {
    pool: PgPool,
    tenants: [TenantId; 2],
    owner: UserId,
}

impl Fixture {
    /// Conversations of every kind in two tenants, each with a message and a deleted one.
    async fn new() -> Self {
        let pool = fixtures::postgres().await;
        let store = PostgresConversationStore::new(pool.clone());
        let (tenants, owner) = ([TenantId::random(), TenantId::random()], UserId::random());
        for tenant in tenants {
            for new in kinds(tenant, owner) {
                let id = store.create_conversation(&new).await.unwrap();
                let message = NewMessage::new(tenant, id, MessageRole::System, "x");
                let deleted = store.append_message(&message).await.unwrap();
                store.append_message(&message).await.unwrap();
                store.soft_delete_message(tenant, id, deleted, None).await.unwrap();
            }
        }
        Self { pool, tenants, owner }
    }

    async fn conversations(&self, role: &str, claims: &str) -> BTreeSet<ConversationId> {
        let mut session = session(&self.pool, role, claims).await;
        let ids = sqlx::query_scalar("SELECT id FROM conversations").fetch_all(&mut *session).await.unwrap();
        ids.into_iter().collect()
    }

    /// The visible messages, and whether each is deleted.
    async fn messages(&self, role: &str, claims: &str) -> BTreeSet<(ConversationId, MessageId, bool)> {
        let mut session = session(&self.pool, role, claims).await;
        let select = "SELECT conversation_id, id, deleted_at IS NOT NULL FROM conversation_messages";
        sqlx::query_as(select).fetch_all(&mut *session).await.unwrap().into_iter().collect()
    }

    /// The conversations that the stores' rules admit.
    async fn readable(&self, tenant: TenantId, user: Option<UserId>) -> BTreeSet<ConversationId> {
        let store = PostgresConversationStore::new(self.pool.clone());
        let mut readable = BTreeSet::new();
        // The owner sees every one of them.
        let (all, page) = (ConversationStatus::All, PageRequest::first(500));
        let listed = store.list_conversations(tenant, Some(self.owner), all, &page).await.unwrap();
        assert_eq!(listed.items.len(), kinds(tenant, self.owner).len());
        readable.extend(listed.items.iter().filter(|row| may_read(row, user)).map(|row| row.id));
        readable
    }

    fn writes(&self) -> [String; 6] {
        let [tenant, _] = self.tenants;
        [
            format!("INSERT INTO conversations (tenant_id) VALUES ('{tenant}')"),
            format!("UPDATE conversations SET title = 'x' WHERE tenant_id = '{tenant}'"),
            format!("DELETE FROM conversations WHERE tenant_id = '{tenant}'"),
            format!(
                "INSERT INTO conversation_messages (conversation_id, role, content) \
                 SELECT id, 'user', 'x' FROM conversations WHERE tenant_id = '{tenant}'"
            ),
            "UPDATE conversation_messages SET content = 'x'".into(),
            "DELETE FROM conversation_messages".into(),
        ]
    }
}

#[tokio::test]
async fn the_service_sees_and_writes_every_row() {
    let fixture = Fixture::new().await;
    let rows = 2 * kinds(fixture.tenants[0], fixture.owner).len();
    assert_eq!(fixture.conversations("service_role", "").await.len(), rows);
    assert_eq!(fixture.messages("service_role", "").await.len(), 2 * rows);
    for statement in fixture.writes() {
        let changed = change(&fixture.pool, "service_role", "", &statement).await;
        assert!(changed.as_ref().is_ok_and(|rows| *rows > 0), "{statement}: {changed:?}");
    }
}

#[tokio::test]
async fn a_user_sees_the_rows_that_the_stores_return() {
    let fixture = Fixture::new().await;
    for tenant in fixture.tenants {
        for user in [fixture.owner, UserId::random()] {
            let claims = claims(tenant, user);
            let expected = fixture.readable(tenant, Some(user)).await;
            assert!(expected.len() > 5, "{}", expected.len());
            assert_eq!(fixture.conversations("authenticated", &claims).await, expected);

            let messages = fixture.messages("authenticated", &claims).await;
            assert!(messages.iter().all(|(_, _, deleted)| !deleted), "no deleted message is shown");
            let of: BTreeSet<_> = messages.iter().map(|(conversation, _, _)| *conversation).collect();
            assert_eq!((of, messages.len()), (expected.clone(), expected.len()), "one message of each");
        }
    }
}

#[tokio::test]
async fn a_user_without_an_id_sees_the_tenants_conversations() {
    let fixture = Fixture::new().await;
    let [tenant, _] = fixture.tenants;
    let expected = fixture.readable(tenant, None).await;
    for claims in [
        format!(r#"{{"tenant_id": "{tenant}"}}"#),
        format!(r#"{{"tenant_id": "{tenant}", "sub": null}}"#),
        format!(r#"{{"tenant_id": "{tenant}", "sub": "somebody"}}"#),
        format!(r#"{{"app_metadata": {{"tenant_id": "{tenant}"}}}}"#),
    ] {
        assert_eq!(fixture.conversations("authenticated", &claims).await, expected, "{claims}");
    }
}

#[tokio::test]
async fn a_user_without_a_tenant_sees_nothing() {
    let fixture = Fixture::new().await;
    let ([tenant, _], owner) = (fixture.tenants, fixture.owner);
    for claims in [
        String::new(),
        "{}".into(),
        format!(r#"{{"sub": "{owner}"}}"#),
        format!(r#"{{"sub": "{owner}", "tenant_id": "{}"}}"#, TenantId::random()),
        format!(r#"{{"sub": "{owner}", "user_metadata": {{"tenant_id": "{tenant}"}}}}"#),
    ] {
        assert!(fixture.conversations("authenticated", &claims).await.is_empty(), "{claims}");
        assert!(fixture.messages("authenticated", &claims).await.is_empty(), "{claims}");
    }
}

#[tokio::test]
async fn a_user_writes_nothing() {
    let fixture = Fixture::new().await;
    let claims = claims(fixture.tenants[0], fixture.owner);
    for statement in fixture.writes() {
        let outcome = change(&fixture.pool, "authenticated", &claims, &statement).await;
        assert_eq!(outcome, Err(PERMISSION_DENIED.into()), "{statement}");
    }
}

#[tokio::test]
async fn another_role_sees_nothing_despite_every_grant() {
    let fixture = Fixture::new().await;
    create_auditor(&fixture.pool, "conversations").await;
    create_auditor(&fixture.pool, "conversation_messages").await;
    for claims in ["", &claims(fixture.tenants[0], fixture.owner)] {
        assert!(fixture.conversations("auditor", claims).await.is_empty(), "{claims}");
        assert!(fixture.messages("auditor", claims).await.is_empty(), "{claims}");
        for statement in fixture.writes() {
            let outcome = change(&fixture.pool, "auditor", claims, &statement).await;
            assert!(matches!(&outcome, Ok(0)) || outcome == Err(PERMISSION_DENIED.into()), "{statement}: {outcome:?}");
        }
    }
}

/// Supabase grants new tables to `anon` by default.
#[tokio::test]
async fn anon_may_not_read() {
    let pool = fixtures::empty_postgres().await;
    create_role(&pool, "anon").await;
    let defaults = "CREATE SCHEMA copilot_internal; GRANT USAGE ON SCHEMA copilot_internal TO anon; \
                    ALTER DEFAULT PRIVILEGES IN SCHEMA copilot_internal GRANT ALL ON TABLES TO anon";
    pool.execute(defaults).await.unwrap();
    stores::migrate(&pool).await.unwrap();
    for table in ["conversations", "conversation_messages"] {
        let mut session = session(&pool, "anon", "").await;
        let refused = session.execute(AssertSqlSafe(format!("SELECT FROM {table}"))).await;
        let code = refused.unwrap_err().as_database_error().and_then(|error| error.code().map(String::from));
        assert_eq!(code.as_deref(), Some(PERMISSION_DENIED), "{table}");
    }
}

/// A function or table of the same name in another schema is not used instead.
#[tokio::test]
async fn a_users_own_search_path_changes_nothing() {
    let fixture = Fixture::new().await;
    let shadows = "CREATE SCHEMA shadow; GRANT USAGE ON SCHEMA shadow TO authenticated; \
                   CREATE FUNCTION shadow.copilot_jwt_tenant() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()'; \
                   CREATE TABLE shadow.conversations (id uuid); GRANT SELECT ON shadow.conversations TO authenticated; \
                   INSERT INTO shadow.conversations SELECT id FROM copilot_internal.conversations";
    fixture.pool.execute(shadows).await.unwrap();
    let stranger = claims(fixture.tenants[0], UserId::random());
    let expected = fixture.messages("authenticated", &stranger).await;
    let mut session = session(&fixture.pool, "authenticated", &stranger).await;
    session.execute("SET LOCAL search_path = shadow, copilot_internal").await.unwrap();
    let select = "SELECT conversation_id, id, deleted_at IS NOT NULL FROM copilot_internal.conversation_messages";
    let found: Vec<(ConversationId, MessageId, bool)> = sqlx::query_as(select).fetch_all(&mut *session).await.unwrap();
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
}

//! Messages: their order, their content, and the state after a deletion.

use serde_json::{Value, json};

use super::super::checks::Checks;
use super::rows::get;
use super::samples::{TEXTS, full, objects, trace};
use crate::conversation::{Conversation, ConversationStore, Message, MessageRole, NewConversation, NewMessage};
use crate::{ConversationId, MAX_PAGE_LIMIT, MessageId, StoreError, TenantId, UserId};

/// A conversation with this many messages, and their ids.
async fn filled(
    store: &dyn ConversationStore,
    count: usize,
) -> Result<(NewConversation, ConversationId, Vec<MessageId>), StoreError> {
    let new = full(TenantId::random(), Some(UserId::random()));
    let id = store.create_conversation(&new).await?;
    let mut messages = Vec::new();
    for number in 0..count {
        let role = MessageRole::ALL[number % 3];
        let message =
            NewMessage { user_id: new.user_id, ..NewMessage::new(new.tenant_id, id, role, number.to_string()) };
        messages.push(store.append_message(&message).await?);
    }
    Ok((new, id, messages))
}

async fn newest(
    store: &dyn ConversationStore,
    new: &NewConversation,
    id: ConversationId,
    limit: u32,
) -> Result<Vec<Message>, StoreError> {
    store.get_messages(new.tenant_id, id, new.user_id, limit).await
}

fn ids(messages: &[Message]) -> Vec<MessageId> {
    messages.iter().map(|message| message.id).collect()
}

pub(super) async fn order_and_limit(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    let (new, id, appended) = filled(store, 7).await?;
    for limit in [1, 3, 6, 7, 8, MAX_PAGE_LIMIT] {
        let found = newest(store, &new, id, limit).await?;
        let expected = &appended[7_usize.saturating_sub(limit as usize)..];
        checks.equal("the newest messages, the oldest of them first", &ids(&found), &expected.to_vec());
    }
    let found = newest(store, &new, id, 7).await?;
    let rising = found.windows(2).all(|pair| pair[0].created_at < pair[1].created_at);
    checks.holds("each message is later than the one before it", rising);
    let conversation = get(store, &new, id).await?;
    checks.equal(
        "the newest one is the last activity",
        &conversation.last_message_at,
        &found.last().map(|last| last.created_at),
    );
    checks.equal("and so the order of lists", &Some(conversation.last_activity()), &conversation.last_message_at);
    checks.holds("its row was touched", conversation.updated_at > conversation.created_at);
    Ok(())
}

pub(super) async fn round_trips(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    let new = NewConversation::new(TenantId::random(), None);
    let id = store.create_conversation(&new).await?;
    let plain = NewMessage::new(new.tenant_id, id, MessageRole::User, "plain");
    let mut samples =
        vec![plain.clone(), NewMessage { user_id: Some(UserId::random()), trace: trace(), ..plain.clone() }];
    samples.extend(TEXTS.map(|text| NewMessage { content: text.into(), ..plain.clone() }));
    samples.push(NewMessage { content: "long ".repeat(50_000), ..plain.clone() });
    samples.extend(objects().into_iter().map(|metadata| NewMessage { metadata, ..plain.clone() }));
    for sample in samples {
        let message = store.append_message(&sample).await?;
        let found = newest(store, &new, id, 1).await?.remove(0);
        let created_at = found.created_at;
        checks.equal("a message is as it was appended", &found, &expected(message, sample, created_at));
        checks.equal("its time has microseconds", &(created_at.timestamp_subsec_nanos() % 1000), &0);
    }
    Ok(())
}

fn expected(id: MessageId, new: NewMessage, created_at: chrono::DateTime<chrono::Utc>) -> Message {
    let NewMessage { tenant_id: _, conversation_id, role, content, metadata, user_id, trace } = new;
    Message { id, conversation_id, role, content, metadata, user_id, trace, created_at, deleted_at: None }
}

pub(super) async fn deletions(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    let (new, id, appended) = filled(store, 4).await?;
    let (other, elsewhere, of_other) = filled(store, 1).await?;
    let before = get(store, &new, id).await?;
    let delete = async |message| store.soft_delete_message(new.tenant_id, id, message, new.user_id).await;

    for missing in [MessageId::random(), of_other[0]] {
        checks.equal("a missing message is not deleted", &delete(missing).await?, &false);
    }
    checks.equal("nor is the conversation touched", &get(store, &new, id).await?, &before);
    checks.equal("nor a message of another one", &ids(&newest(store, &other, elsewhere, 9).await?), &of_other);

    checks.equal("a message is deleted", &delete(appended[3]).await?, &true);
    checks.equal("once", &delete(appended[3]).await?, &false);
    checks.equal("and not returned any more", &ids(&newest(store, &new, id, 9).await?), &appended[..3].to_vec());
    checks.equal("nor counted in a limit", &ids(&newest(store, &new, id, 2).await?), &appended[1..3].to_vec());
    let found = get(store, &new, id).await?;
    let updated_at = found.updated_at;
    checks.holds("a deletion touches the conversation", updated_at > before.updated_at);
    checks.equal("and moves no activity back", &found, &Conversation { updated_at, ..before });

    for message in &appended[..3] {
        checks.equal("the others are deleted", &delete(*message).await?, &true);
    }
    checks.equal("then none is left", &newest(store, &new, id, 9).await?, &Vec::new());
    let next = store.append_message(&NewMessage::new(new.tenant_id, id, MessageRole::System, "next")).await?;
    checks.equal("and a new one is appended", &ids(&newest(store, &new, id, 9).await?), &vec![next]);
    Ok(())
}

pub(super) async fn refuses(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    let (new, id, appended) = filled(store, 1).await?;
    let before = get(store, &new, id).await?;
    let good = NewMessage::new(new.tenant_id, id, MessageRole::System, "good");
    let metadata = |metadata: Value| NewMessage { metadata, ..good.clone() };
    for (names, bad) in [
        ("content", NewMessage { content: "a\0b".into(), ..good.clone() }),
        ("metadata is no JSON object", metadata(json!([1]))),
        ("metadata is no JSON object", metadata(Value::Null)),
        ("metadata has a NUL", metadata(json!({ "a": { "b": "\0" } }))),
        ("metadata nests deeper", metadata(json!({ "a": (0..200).fold(json!(1), |inner, _| json!([inner])) }))),
    ] {
        checks.refused("a message that no database can store", store.append_message(&bad).await, names);
    }
    for limit in [0, MAX_PAGE_LIMIT + 1, u32::MAX] {
        checks.refused("a limit out of range", newest(store, &new, id, limit).await, "limit");
    }
    checks.equal("a refused write changed nothing", &get(store, &new, id).await?, &before);
    checks.equal("and appended nothing", &ids(&newest(store, &new, id, 9).await?), &appended);
    Ok(())
}

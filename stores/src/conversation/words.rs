//! The enums of a conversation's fields.

use crate::words::words;

words! {
    /// The users besides its owner that may see a conversation.
    ShareAudience, "a share audience", "private, tenant and public" {
        /// No other user.
        Private = "private",
        /// Every user of its tenant.
        Tenant = "tenant",
        /// Every user of its tenant, too: no other tenant sees a conversation. A service may publish it elsewhere.
        Public = "public",
    }

    /// The access of a tenant's users to a conversation that is shared with the tenant.
    TenantAccess, "a tenant access", "view and edit" {
        /// Read it.
        View = "view",
        /// Write messages as well.
        Edit = "edit",
    }

    /// The model that decides which users may see a conversation.
    AuthorizationModel, "an authorization model", "rbac and openfga" {
        /// In the conversation's own [`ShareAudience`].
        Rbac = "rbac",
        /// In `OpenFGA`; here only the fallback audience of its specification counts.
        Openfga = "openfga",
    }

    /// The author of a message.
    MessageRole, "a message role", "user, assistant and system" {
        /// A person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// The service.
        System = "system",
    }

    /// Selects the conversations of a list.
    ConversationStatus, "a conversation status", "active, archived and all" {
        /// Those that are not archived.
        Active = "active",
        /// Those that are.
        Archived = "archived",
        /// Both.
        All = "all",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::check;

    #[test]
    fn every_variant_has_exactly_one_name() {
        check(ShareAudience::ALL, "private tenant public");
        check(TenantAccess::ALL, "view edit");
        check(AuthorizationModel::ALL, "rbac openfga");
        check(MessageRole::ALL, "user assistant system");
        check(ConversationStatus::ALL, "active archived all");
        let error = "root".parse::<MessageRole>().unwrap_err();
        let expected = "parse a message role: invalid input: `root` is none of user, assistant and system";
        assert_eq!(error.to_string(), expected);
    }
}

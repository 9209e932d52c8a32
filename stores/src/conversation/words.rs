//! Enums whose variants are words, in the database and in JSON alike.

macro_rules! words {
    ($(
        $(#[$doc:meta])*
        $name:ident, $what:literal, $expected:literal {
            $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+
        }
    )+) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, cache_core::CacheValue,
        )]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word that stands for it in the database and in JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::StoreError;

            fn from_str(text: &str) -> Result<Self, $crate::StoreError> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text).ok_or_else(|| {
                    let context = format!("`{}` is none of {}", text.escape_debug(), $expected);
                    $crate::StoreError::invalid_input(concat!("parse ", $what), context)
                })
            }
        }
    )+};
}

words! {
    /// Who may see a conversation besides its owner.
    ShareAudience, "a share audience", "private, tenant and public" {
        /// Nobody.
        Private = "private",
        /// Every user of its tenant.
        Tenant = "tenant",
        /// Every user of its tenant, too: no other tenant sees a conversation. A service may publish it elsewhere.
        Public = "public",
    }

    /// What users of the tenant may do with a conversation that is shared with the tenant.
    TenantAccess, "a tenant access", "view and edit" {
        /// Read it.
        View = "view",
        /// Write messages as well.
        Edit = "edit",
    }

    /// Where it is decided who may see a conversation.
    AuthorizationModel, "an authorization model", "rbac and openfga" {
        /// In the conversation's own [`ShareAudience`].
        Rbac = "rbac",
        /// In `OpenFGA`; here only the fallback audience of its specification counts.
        Openfga = "openfga",
    }

    /// Who speaks in a message.
    MessageRole, "a message role", "user, assistant and system" {
        /// A person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// The service.
        System = "system",
    }

    /// Which conversations are listed.
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
    use std::fmt::Debug;
    use std::str::FromStr;

    use super::*;

    fn check<T>(all: &[T], expected: &str)
    where
        T: Copy + Debug + PartialEq + ToString + FromStr + serde::Serialize,
    {
        let words: Vec<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!(words.join(" "), expected);
        for one in all {
            assert_eq!(one.to_string().parse::<T>().ok(), Some(*one));
            assert_eq!(serde_json::to_value(one).unwrap(), one.to_string());
        }
        assert!("Private".parse::<T>().is_err() && "".parse::<T>().is_err());
    }

    #[test]
    fn every_variant_is_one_word_and_no_other() {
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

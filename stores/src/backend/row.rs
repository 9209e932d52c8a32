//! Rows whose fields are columns, without the derive of sqlx.
//!
//! That derive would compile each driver a second time.

/// Defines a row: a struct whose fields are the columns of the same names.
///
/// It works in any SQL database that has their types.
macro_rules! row {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident { $($column:ident: $type:ty,)+ }) => {
        $(#[$attribute])*
        $visibility struct $name {
            $($column: $type,)+
        }

        impl<'r, R> ::sqlx::FromRow<'r, R> for $name
        where
            R: ::sqlx::Row,
            &'static str: ::sqlx::ColumnIndex<R>,
            $($type: ::sqlx::Decode<'r, R::Database> + ::sqlx::Type<R::Database>,)+
        {
            fn from_row(row: &'r R) -> Result<Self, ::sqlx::Error> {
                Ok(Self { $($column: row.try_get(stringify!($column))?,)+ })
            }
        }
    };
}

pub(crate) use row;

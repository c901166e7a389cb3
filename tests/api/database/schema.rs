//! `src/schema.rs` says what the database has. `make schema` writes it.
use crate::support::{database::database, written};
use diesel::{
    QueryableByName, sql_query,
    sql_types::{Bool, Nullable, Text},
};
use diesel_async::RunQueryDsl;
use std::fmt::Write;

const HEAD: &str = "//! The tables, as the migrations leave them. Written by `make schema`, compared with the database by \
`tests/api/database/schema.rs`; never edited.\n";

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Nullable<Text>)]
    key: Option<String>,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

const COLUMNS: &str = "
    SELECT c.relname::text AS table, a.attname::text AS name, t.typname::text AS kind, NOT a.attnotnull AS nullable,
        (SELECT string_agg(k.attname, ', ' ORDER BY array_position(i.indkey::int2[], k.attnum))
         FROM pg_index i JOIN pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = ANY (i.indkey)
         WHERE i.indrelid = c.oid AND i.indisprimary) AS key
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relname NOT LIKE '\\_\\_diesel%'
    ORDER BY c.relname, a.attnum";

fn rust(kind: &str) -> String {
    let one = |kind: &str| match kind {
        "uuid" => "Uuid",
        "text" => "Text",
        "int8" => "Int8",
        "int4" => "Int4",
        "int2" => "Int2",
        "float8" => "Float8",
        "bool" => "Bool",
        "bytea" => "Bytea",
        "timestamptz" => "Timestamptz",
        "jsonb" => "Jsonb",
        "inet" => "Inet",
        "cidr" => "Cidr",
        "date" => "Date",
        "numeric" => "Numeric",
        other => panic!("no diesel type is known for {other}"),
    };
    match kind.strip_prefix('_') {
        Some(item) => format!("Array<{}>", one(item)),
        None => one(kind).to_owned(),
    }
}

fn text(columns: &[Column]) -> String {
    let mut text = HEAD.to_owned();
    let mut tables = Vec::new();
    for table in columns.chunk_by(|a, b| a.table == b.table) {
        let name = &table[0].table;
        let key = table[0]
            .key
            .as_deref()
            .unwrap_or_else(|| panic!("{name} has no primary key"));
        tables.push(name.as_str());
        writeln!(text, "\ndiesel::table! {{\n    {name} ({key}) {{").unwrap();
        for column in table {
            let kind = rust(&column.kind);
            let kind = if column.nullable {
                format!("Nullable<{kind}>")
            } else {
                kind
            };
            writeln!(text, "        {} -> {kind},", column.name).unwrap();
        }
        text += "    }\n}\n";
    }
    let tables = tables.join(",\n    ");
    text + &format!("\ndiesel::allow_tables_to_appear_in_same_query!(\n    {tables},\n);\n")
}

#[tokio::test]
async fn the_code_knows_the_tables_as_they_are() {
    let db = database().await;
    let columns: Vec<Column> = sql_query(COLUMNS)
        .load(&mut db.connect().await)
        .await
        .unwrap();
    written("src/schema.rs", &text(&columns), "make schema");
}

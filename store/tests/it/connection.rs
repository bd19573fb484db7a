//! The address of a database is printed in logs, and never with its password.

use std::str::FromStr;

use store::DatabaseUrl;

#[test]
fn a_password_is_never_printed() {
    for url in [
        "postgres://daegeum:hunter2@db.example:5432/daegeum",
        "postgresql://daegeum:hunter2@db.example/daegeum?sslmode=require",
        "postgres://daegeum:hunter2@with@at@db.example/daegeum",
        "postgres://db.example/daegeum?user=daegeum&password=hunter2",
        "postgres://hunter2@db.example/daegeum",
        "postgres://a:hunter2@one@db.example/daegeum?password=hunter2@three",
    ] {
        let parsed = DatabaseUrl::from_str(url).unwrap();
        for printed in [format!("{parsed}"), format!("{parsed:?}"), format!("{parsed:#?}")] {
            assert!(!printed.contains("hunter2"), "{printed}");
            assert!(printed.contains("db.example"), "{printed}");
        }
    }
}

#[test]
fn an_address_names_its_kind_of_database() {
    for (url, is_sqlite) in [("sqlite:///tmp/a.db", true), ("postgres://host/name", false), ("postgresql://h/n", false)]
    {
        assert_eq!(DatabaseUrl::from_str(url).map(|url| url.is_sqlite()), Ok(is_sqlite), "{url}");
    }
    for wrong in ["", "a.db", "mysql://host/name", "sqlite:a.db", "postgres:host"] {
        assert!(DatabaseUrl::from_str(wrong).is_err(), "{wrong}");
    }
}

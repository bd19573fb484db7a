//! The schema: up, down, status.

use anyhow::Context as _;
use migrations::{
    Migrator, MigratorTrait,
    grants::{self, Grantee},
};
use store::{Database, DatabaseUrl};

use crate::{
    cli::{GrantedRole, MigrateStep},
    settings::Settings,
};

/// Carries out one step and says where the schema stands.
pub(crate) async fn run(settings: &Settings, step: MigrateStep) -> anyhow::Result<()> {
    if let MigrateStep::Grants { role, to } = &step {
        print!("{}", grants::sql(grantee(*role), to));
        return Ok(());
    }
    let url = match step {
        MigrateStep::Up => settings.database_to_make()?,
        MigrateStep::Down | MigrateStep::Status { .. } | MigrateStep::Grants { .. } => settings.database()?,
    };
    match step {
        MigrateStep::Up => Migrator::up(open(&url).await?.connection(), None).await?,
        MigrateStep::Down => Migrator::down(open(&url).await?.connection(), Some(1)).await?,
        MigrateStep::Status { .. } | MigrateStep::Grants { .. } => {}
    }
    let lines = status(&url).await?;
    if matches!(step, MigrateStep::Status { json: true }) {
        let rows: Vec<_> =
            lines.iter().map(|(name, status)| serde_json::json!({ "name": name, "status": status })).collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    println!("{url}");
    for (name, status) in lines {
        println!("  {status:<8} {name}");
    }
    Ok(())
}

const fn grantee(role: GrantedRole) -> Grantee {
    match role {
        GrantedRole::Api => Grantee::Api,
        GrantedRole::Worker => Grantee::Worker,
        GrantedRole::Serve => Grantee::Serve,
        GrantedRole::Operator => Grantee::Operator,
    }
}

/// Every change of the schema and whether it is applied. It is only read.
async fn status(url: &DatabaseUrl) -> anyhow::Result<Vec<(String, &'static str)>> {
    let database = Database::connect_read_only(url).await;
    let database = database.with_context(|| format!("could not open the database {url}"))?;
    let pending = Migrator::get_pending_migrations_read_only(database.connection()).await?;
    let line = |name: &str| {
        let is_pending = pending.iter().any(|migration| migration.name() == name);
        (name.to_owned(), if is_pending { "Pending" } else { "Applied" })
    };
    Ok(Migrator::migrations().iter().map(|migration| line(migration.name())).collect())
}

/// Brings the schema up to date.
pub(crate) async fn up(url: &DatabaseUrl) -> anyhow::Result<()> {
    let database = open(url).await?;
    Migrator::up(database.connection(), None).await.context("could not bring the schema up to date")?;
    database.close().await?;
    Ok(())
}

async fn open(url: &DatabaseUrl) -> anyhow::Result<Database> {
    Database::connect(url).await.with_context(|| format!("could not open the database {url}"))
}

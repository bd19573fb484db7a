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
    let url = settings.database()?;
    let database = open(&url).await?;
    match step {
        MigrateStep::Up => Migrator::up(database.connection(), None).await?,
        MigrateStep::Down => Migrator::down(database.connection(), Some(1)).await?,
        MigrateStep::Status { .. } | MigrateStep::Grants { .. } => {}
    }
    let mut lines = Vec::new();
    for migration in Migrator::get_migration_with_status(database.connection()).await? {
        lines.push((migration.name().to_owned(), migration.status().to_string()));
    }
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

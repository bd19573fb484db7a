//! The schema: up, down, status.

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};
use migrations::{
    Migrator, MigratorTrait,
    grants::{self, Grantee, RoleName},
};
use store::{Database, DatabaseUrl, SchemaConnection};

use crate::{
    cli::output::{Output, print_json},
    settings::Settings,
};

/// A step of the schema.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum MigrateStep {
    /// Apply every missing schema change
    #[command(after_help = example!("daegeum migrate up"))]
    Up,
    /// Print the SQL that gives a PostgreSQL role exactly the rights of one process
    ///
    /// The command opens no database. Create the role first. Run the SQL as the owner of the tables, and again after
    /// each `migrate up`.
    #[command(after_help = example!("daegeum migrate grants --role api --to daegeum_api | psql OWNER-URL"))]
    Grants {
        /// The process that connects as this role
        #[arg(long)]
        role: GrantedRole,
        /// The name of the role in the database, 1 to 63 of a-z 0-9 _
        #[arg(long, value_name = "NAME", value_parser = |text: &str| RoleName::try_from(text))]
        to: RoleName,
    },
    /// Undo the newest schema change
    #[command(after_help = example!("daegeum migrate down"))]
    Down,
    /// Show every schema change and whether it is applied
    #[command(after_help = example!("daegeum migrate status"))]
    Status {
        #[command(flatten)]
        output: Output,
    },
}

/// Whose rights are printed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum GrantedRole {
    /// `daegeum api`.
    Api,
    /// `daegeum worker`.
    Worker,
    /// `daegeum serve`: API and worker in one process.
    Serve,
    /// The commands of an operator, such as `keys`, `ledger` and `buyers`.
    Operator,
}

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
        MigrateStep::Up => up(&url).await?,
        MigrateStep::Down => down(&url).await?,
        MigrateStep::Status { .. } | MigrateStep::Grants { .. } => {}
    }
    let lines = status(&url).await?;
    if matches!(step, MigrateStep::Status { output: Output { json: true } }) {
        let rows: Vec<_> =
            lines.iter().map(|(name, status)| serde_json::json!({ "name": name, "status": status })).collect();
        return print_json(&rows);
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
    let schema = open(url).await?;
    let changed = schema.carry_out(Migrator::up(schema.connection(), None)).await;
    changed.context("could not bring the schema up to date")?;
    Ok(schema.close().await?)
}

/// Takes back the newest change of the schema.
async fn down(url: &DatabaseUrl) -> anyhow::Result<()> {
    let schema = open(url).await?;
    let changed = schema.carry_out(Migrator::down(schema.connection(), Some(1))).await;
    changed.context("could not take the newest change of the schema back")?;
    Ok(schema.close().await?)
}

async fn open(url: &DatabaseUrl) -> anyhow::Result<SchemaConnection> {
    SchemaConnection::connect(url).await.with_context(|| format!("could not open the database {url}"))
}

// Temporal's server on PostgreSQL, and the tool for the server's schema, in one program.
//
// It has no settings of its own: the server reads the environment by its embedded template, and the tool has its flags.
package main

import (
	"errors"
	"fmt"
	"os"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	_ "go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	"go.temporal.io/server/temporal"
	"go.temporal.io/server/tools/sql"
)

const usage = "usage: temporal-server start frontend|history|matching|worker, or temporal-server sql …"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) > 0 && arguments[0] == "sql":
		return sql.RunTool(arguments)
	case len(arguments) == 2 && arguments[0] == "start":
		return start(arguments[1])
	default:
		return errors.New(usage)
	}
}

// start runs one role until a signal ends it. Nobody is asked who they are: the addresses are of this machine.
func start(role string) error {
	settings, err := config.Load(config.WithEmbedded())
	if err != nil {
		return fmt.Errorf("reading the environment: %w", err)
	}
	server, err := temporal.NewServer(
		temporal.ForServices([]string{role}),
		temporal.WithConfig(settings),
		temporal.WithLogger(log.NewZapLogger(log.BuildZapLogger(settings.Log))),
		temporal.InterruptOn(temporal.InterruptCh()),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
	)
	if err != nil {
		return fmt.Errorf("making the %s: %w", role, err)
	}
	if err := server.Start(); err != nil {
		return fmt.Errorf("starting the %s: %w", role, err)
	}
	return nil
}

import App
import ArgumentParser
import Logging

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the database up to this version of Souk. Safe to repeat, one runner at a time.")

    @Flag(help: "Show what would be applied, and change nothing.") var plan = false

    func run() async throws {
        try await reporting {
            let migration = try DatabaseMigration(
                environment: ProcessEnvironment.all, program: CommandLine.arguments[0], logger: makeLogger(.warning))
            print(try await plan ? migration.plan() : migration.migrate())
        }
    }
}

import ArgumentParser

/// The money half of a marketplace.
@main
struct SoukCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "souk",
        abstract: "The money half of a marketplace: sellers, orders, fees, and books that prove themselves.",
        discussion: """
            Settings come from flags, the environment and the file that SOUK_CONFIG_FILE names, in this order. \
            `souk serve --print-config` lists them.
            """,
        subcommands: [
            Serve.self, Migrate.self, Sandbox.self, Demo.self, Doctor.self, Reconcile.self, CloseMonth.self,
            Export.self, Import.self, Webhooks.self, Keys.self, Hold.self,
        ])
}

import App
import ArgumentParser
import Logging

struct Webhooks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Souk's webhook endpoints at Stripe.", subcommands: [Ensure.self])

    struct Ensure: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes the two endpoints at Stripe, or corrects them, for exactly the events that Souk handles.",
            discussion: "Stripe shows a signing secret once: it is printed, or written with --write.")

        @Option(help: "How Stripe reaches Souk, such as https://pay.example.com (SOUK_PUBLIC_URL).") var publicURL:
            String?
        @Flag(help: "Make both anew, for new secrets, and delete the old ones: when a secret was lost.") var renew =
            false
        @Option(help: "Write new secrets as NAME=value lines to this file, for its owner only.") var write: String?

        func run() async throws {
            try await reporting {
                print(
                    try await ensureWebhookEndpoints(
                        environment: ProcessEnvironment.all, publicURL: publicURL, renewing: renew,
                        writingTo: write, logger: makeLogger(.warning)))
            }
        }
    }
}

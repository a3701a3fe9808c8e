import ArgumentParser

@main
struct Souk: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "souk")
}

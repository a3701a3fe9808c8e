/// How a sandbox is started.
package struct SandboxConfiguration: Sendable {
    /// The TCP port on 127.0.0.1; 0 takes a free one.
    package var port: Int
    /// The folder of `state.jsonl`; nil keeps everything in memory, for tests.
    package var dataDirectory: String?
    /// Makes ids repeatable; drawn at random for a new state when left out.
    package var seed: UInt64?
    package var behaviour: SandboxBehaviour

    package init(
        port: Int = 12111, dataDirectory: String? = nil, seed: UInt64? = nil,
        behaviour: SandboxBehaviour = SandboxBehaviour()
    ) {
        self.port = port
        self.dataDirectory = dataDirectory
        self.seed = seed
        self.behaviour = behaviour
    }
}

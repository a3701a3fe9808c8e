/// What must hold, and what did not.
struct DemoChecks: Sendable {
    private(set) var count = 0
    private(set) var failures: [String] = []

    mutating func require(_ holds: Bool, _ otherwise: @autoclosure () -> String) {
        count += 1
        if !holds { failures.append(otherwise()) }
    }

    mutating func requireEqual<Value: Equatable>(_ what: String, _ actual: Value, _ expected: Value) {
        require(actual == expected, "\(what) is \(actual), and should be \(expected)")
    }
}

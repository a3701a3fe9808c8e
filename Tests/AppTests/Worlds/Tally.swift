import Foundation
import Synchronization

/// What all worlds of a run did, counted for the report at its end.
final class Tally: Sendable {
    private let counts = Mutex<[String: [String: Int]]>([:])

    func count(_ what: String, in group: String, by number: Int = 1) {
        counts.withLock { $0[group, default: [:]][what, default: 0] += number }
    }

    func count(of what: String, in group: String) -> Int { counts.withLock { $0[group]?[what] ?? 0 } }

    func total(of group: String) -> Int { counts.withLock { $0[group]?.values.reduce(0, +) ?? 0 } }

    /// The group as lines of two columns.
    func report(_ group: String) -> String {
        let rows = counts.withLock { ($0[group] ?? [:]).sorted { $0.key < $1.key } }
        return "\(group):\n"
            + rows.map { "  \($0.key.padding(toLength: 44, withPad: " ", startingAt: 0)) \($0.value)\n" }.joined()
    }

    /// To the run's log: Swift Testing shows no output of tests that pass.
    static func print(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

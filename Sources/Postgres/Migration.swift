/// One step of the schema: `Migrations/0007_orders.sql` has number 7 and name "orders".
package struct Migration: Hashable, Sendable {
    package var number: Int
    package var name: String
    package var sql: String

    package init(number: Int, name: String, sql: String) {
        self.number = number
        self.name = name
        self.sql = sql
    }
}

/// What a run of the migrator would do, or did.
package struct MigrationPlan: Hashable, Sendable {
    /// Number of the last applied migration, 0 for an empty database.
    package var current: Int
    /// In order.
    package var pending: [Migration]

    package init(current: Int, pending: [Migration]) {
        self.current = current
        self.pending = pending
    }
}

package enum MigrationError: Error, Hashable, Sendable, CustomStringConvertible {
    case unreadableFolder(String, reason: String)
    case badFileName(String)
    case duplicateNumber(Int)
    /// An applied file is not the one that was applied. Applied files never change: write a new one.
    case changed(number: Int, name: String)
    case missing(number: Int, name: String)
    /// A file with a lower number than the last applied one: it would run in another order elsewhere.
    case outOfOrder(number: Int, name: String)
    case failed(number: Int, name: String, PostgresError)

    package var description: String {
        switch self {
        case .unreadableFolder(let path, let reason): "the migrations in \(path) cannot be read: \(reason)"
        case .badFileName(let name): "\(name) is not named like 0001_ledger.sql"
        case .duplicateNumber(let number): "two migrations have number \(number)"
        case .changed(let number, let name):
            "migration \(number) (\(name)) was changed after it had been applied; restore it and write a new one"
        case .missing(let number, let name): "migration \(number) (\(name)) was applied but its file is gone"
        case .outOfOrder(let number, let name):
            "migration \(number) (\(name)) is new but later ones were applied already; give it the next number"
        case .failed(let number, let name, let error): "migration \(number) (\(name)) failed: \(error)"
        }
    }
}

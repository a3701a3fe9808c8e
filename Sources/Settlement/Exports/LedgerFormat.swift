package import Domain
import Ledger

/// The forms in which the ledger leaves Souk.
package enum ExportFormat: String, Sendable, CaseIterable {
    case csv, jsonl, hledger, beancount

    var writer: any LedgerFormat {
        switch self {
        case .csv: CSVLedger()
        case .jsonl: JSONLinesLedger()
        case .hledger: HledgerJournal()
        case .beancount: BeancountJournal()
        }
    }
}

/// The days that are exported, both of them included; nil leaves that end open.
package struct ExportSpan: Hashable, Sendable {
    package let from: CalendarDay?
    package let to: CalendarDay?

    package init(from: CalendarDay?, to: CalendarDay?) {
        self.from = from
        self.to = to
    }
}

/// What stood in an account when the first day began.
struct OpeningBalance: Sendable {
    let account: LedgerAccount
    /// Debits less credits.
    let amount: Money
    let day: CalendarDay
}

/// Writes the parts of an export in the order in which they are called here, each by itself.
protocol LedgerFormat: Sendable {
    /// Accounts begin on the first day.
    func beginning(_ span: ExportSpan, currencies: [Currency], firstDay: CalendarDay, hasOpenings: Bool) throws
        -> String
    func account(_ account: LedgerAccount, in currencies: [Currency], firstDay: CalendarDay) -> String
    func opening(_ balance: OpeningBalance) throws -> String
    func entry(_ row: JournalRow) throws -> String
}

/// The other side of opening balances in journals, where every entry must balance. It comes back to zero in each currency.
let broughtForward = "Equity:Brought-Forward"

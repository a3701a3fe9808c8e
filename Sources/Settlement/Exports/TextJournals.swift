import Domain
import Ledger

/// A journal for hledger: what an entry is about stands in tags.
struct HledgerJournal: LedgerFormat {
    func beginning(
        _ span: ExportSpan, currencies: [Currency], firstDay: CalendarDay, hasOpenings: Bool
    ) -> String {
        var text = "; Souk's ledger\(span.words), by effective time in UTC\n\ndecimal-mark .\n"
        // The sample says how many decimals the currency has; without any the mark still stands there.
        for currency in currencies {
            text += "commodity 1000.\(String(repeating: "0", count: currency.rule.exponent)) \(currency.symbol)\n"
        }
        text += "\n"
        if hasOpenings { text += "account \(broughtForward)\n" }
        return text
    }

    func account(_ account: LedgerAccount, in currencies: [Currency], firstDay: CalendarDay) -> String {
        "account \(account.journalName)\n"
    }

    func opening(_ balance: OpeningBalance) throws -> String {
        """

        \(balance.day) opening balance
            \(balance.account.journalName)  \(balance.amount.text)
            \(broughtForward)  \(try balance.amount.negated().text)

        """
    }

    func entry(_ row: JournalRow) -> String {
        var text = "\n\(CalendarDay(of: row.effectiveAt)) \(row.entry.cause.rawValue.onOneLine)\n"
        for (name, value) in row.tags { text += "    ; \(name):\(value.onOneLine)\n" }
        for leg in row.entry.legs {
            text += "    \(leg.account.journalName)  \(leg.amount.text)"
            if let subject = leg.subject { text += "  ; subject:\(subject.onOneLine)" }
            text += "\n"
        }
        return text
    }
}

/// A journal for beancount: what an entry is about stands in metadata.
struct BeancountJournal: LedgerFormat {
    func beginning(
        _ span: ExportSpan, currencies: [Currency], firstDay: CalendarDay, hasOpenings: Bool
    ) -> String {
        var text = "; Souk's ledger\(span.words), by effective time in UTC\n\n"
        for currency in currencies { text += "\(firstDay) commodity \(currency.symbol)\n" }
        if hasOpenings { text += "\(firstDay) open \(broughtForward)\n" }
        return text
    }

    func account(_ account: LedgerAccount, in currencies: [Currency], firstDay: CalendarDay) -> String {
        "\(firstDay) open \(account.journalName) \(currencies.map(\.symbol).joined(separator: ","))\n"
    }

    func opening(_ balance: OpeningBalance) throws -> String {
        """

        \(balance.day) * "opening balance"
          \(balance.account.journalName)  \(balance.amount.text)
          \(broughtForward)  \(try balance.amount.negated().text)

        """
    }

    func entry(_ row: JournalRow) -> String {
        var text = "\n\(CalendarDay(of: row.effectiveAt)) * \(row.entry.cause.rawValue.quoted)\n"
        for (name, value) in row.tags { text += "  \(name): \(value.quoted)\n" }
        for leg in row.entry.legs {
            text += "  \(leg.account.journalName)  \(leg.amount.text)\n"
            if let subject = leg.subject { text += "    subject: \(subject.quoted)\n" }
        }
        return text
    }
}

extension JournalRow {
    /// What the entry is about, as tags and metadata name it; what is absent is left out.
    fileprivate var tags: [(name: String, value: String)] {
        [
            ("entry", id.rawValue), ("cause", entry.cause.rawValue), ("stripe_account", stripeAccount),
            ("seller", entry.seller?.rawValue), ("order", order?.rawValue), ("effective_at", effectiveAt.iso8601),
            ("happened_at", happenedAt?.iso8601), ("recorded_at", recordedAt.iso8601),
        ].compactMap { name, value in value.map { (name, $0) } }
    }
}

extension ExportSpan {
    fileprivate var words: String { (from.map { " from \($0)" } ?? "") + (to.map { " to \($0)" } ?? "") }
}

extension Currency {
    /// As accounting programs write it.
    var symbol: String { code.uppercased() }
}

extension Money {
    fileprivate var text: String { "\(decimal) \(currency.symbol)" }
}

extension String {
    /// Causes and subjects hold ids of Stripe's, which have no line breaks; should one come, it breaks no journal.
    fileprivate var onOneLine: String {
        String(
            String.UnicodeScalarView(unicodeScalars.map { $0.properties.isWhitespace || $0.value < 0x20 ? " " : $0 }))
    }

    fileprivate var quoted: String {
        var text = "\""
        for character in onOneLine {
            if character == "\"" || character == "\\" { text += "\\" }
            text.append(character)
        }
        return text + "\""
    }
}

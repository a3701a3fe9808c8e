import Domain
import Ledger
import Sellers
import Web

/// A statement to be printed.
struct StatementPage {
    let page: PrintablePage

    init(_ statement: SellerStatement, of seller: SellerRecord) throws {
        let month = statement.month
        let lastDay = CalendarDay(number: month.end.number - 1)
        var notes = [
            "Amounts are signed: what is to the seller's good is positive. Each is the sum of entries of the ledger, which "
                + "GET /v1/sellers/\(seller.id)/statements/\(month)/entries lists.",
            "The balance is what the seller is owed, what is in the seller's Stripe balance and what is on its way to the "
                + "bank, less what the seller owes.",
            "Souk does not know the tax on the platform's fee; it is not part of these numbers.",
        ]
        if !statement.isFinal { notes.insert("The month is not closed: these numbers can still change.", at: 0) }
        page = PrintablePage(
            "Statement for \(month)",
            facts: [
                ("Seller", seller.externalID), ("Id", seller.id.rawValue),
                ("Period", "\(month.first) to \(lastDay), UTC"),
                ("State", statement.isFinal ? "Final" : "Not final"),
            ],
            tables: try statement.currencies.map { try Self.table($0, statement.reserves) }, notes: notes)
    }

    private static func table(
        _ totals: StatementTotals, _ reserves: [SellerStatement.Reserve]
    ) throws -> PrintablePage.Table {
        func row(_ name: String, _ line: StatementRules.Line) -> PrintablePage.Table.Row {
            .init(name, totals[line].decimal)
        }
        return PrintablePage.Table(
            totals.currency.symbol, columns: ("Line", "Amount"),
            rows: [
                .init("Opening balance", totals.opening.decimal, isSum: true),
                .init("Sales (\(totals.salesCount))", totals[.gross].decimal),
                row("Refunds", .refunds), row("Disputes", .disputes), row("Platform's fee", .platformFee),
                .init("Tax on the platform's fee", "not known"),
                row("Stripe's fees", .stripeFee), row("Conversion between currencies", .fx),
                row("Adjustments", .adjustments), row("Other", .other),
                .init("Net", try totals.net.decimal, isSum: true),
                row("Payouts", .payouts),
                .init("Closing balance", try totals.closing.decimal, isSum: true),
            ]
                + reserves.filter { $0.amount.currency == totals.currency }.map { reserve in
                    .init(
                        "Of that held back until \(CalendarDay(of: reserve.releaseAt)), of \(reserve.order)",
                        reserve.amount.decimal)
                })
    }
}

/// A commission invoice to be printed.
struct CommissionInvoicePage {
    let page: PrintablePage

    init(_ invoice: CommissionInvoiceRecord, to seller: SellerRecord) throws {
        let lastDay = CalendarDay(number: invoice.month.end.number - 1)
        page = PrintablePage(
            "\(invoice.isCreditNote ? "Credit note" : "Commission invoice") \(invoice.number)",
            facts: [
                ("Number", invoice.number), ("Date", CalendarDay(of: invoice.issuedAt).description),
                ("Seller", seller.externalID), ("Id", seller.id.rawValue), ("Country", seller.country),
                ("Period", "\(invoice.month.first) to \(lastDay), UTC"),
            ],
            tables: [
                .init(
                    invoice.charged.currency.symbol, columns: ("Line", "Amount"),
                    rows: [
                        .init("Platform's fee on sales", invoice.charged.decimal),
                        .init("Fee returned with refunds", try invoice.refunded.negated().decimal),
                        .init("Tax", "not known"),
                        .init("Total", invoice.total.decimal, isSum: true),
                    ])
            ],
            notes: [
                "The fee was kept from the seller's sales: nothing is left to be paid.",
                "Souk knows neither the tax on this fee nor the addresses and tax numbers of the two parties.",
            ])
    }
}

import Domain

extension LedgerAccount {
    /// The account's name in journals for hledger and beancount. Both sort accounts under five roots, and beancount takes
    /// letters, digits and dashes only, each part beginning with a capital or a digit. No two accounts have one name.
    /// docs/exports.md shows the table.
    package var journalName: String {
        switch self {
        case .stripeBalance(let owner): "Assets:Stripe:\(owner.journalName)"
        case .stripeReserved(let owner): "Assets:Stripe:\(owner.journalName):Reserved"
        case .sellerPayable(let seller): "Liabilities:Sellers:\(journalPart(seller.rawValue)):Payable"
        case .sellerReserve(let seller): "Liabilities:Sellers:\(journalPart(seller.rawValue)):Reserve"
        case .sellerFunds(let seller): "Liabilities:Sellers:\(journalPart(seller.rawValue)):Funds"
        case .sellerReceivable(let seller): "Assets:Sellers:\(journalPart(seller.rawValue)):Receivable"
        case .transit(let owner): "Assets:Transit:\(owner.journalName)"
        case .disputesOpen: "Assets:Disputes:Open"
        case .applicationFeeRevenue: "Income:Application-Fees"
        case .billingRevenue: "Income:Billing"
        case .recoveredStripeFees: "Income:Recovered-Stripe-Fees"
        case .taxCollected: "Liabilities:Tax-Collected"
        case .buyerRefundsDue: "Liabilities:Buyers:Refunds-Due"
        case .stripeFees: "Expenses:Stripe-Fees"
        case .disputeFees: "Expenses:Dispute-Fees"
        case .refundLoss: "Expenses:Losses:Refunds"
        case .disputeLoss: "Expenses:Losses:Disputes"
        case .writeOffLoss: "Expenses:Losses:Write-Off"
        case .promotionExpense: "Expenses:Promotions"
        case .sellerAdjustmentExpense: "Expenses:Seller-Adjustments"
        case .fxConversion: "Equity:FX-Conversion"
        case .fxGainLoss: "Expenses:FX-Gain-Loss"
        case .platformBank: "Assets:Bank:Platform"
        case .openingEquity: "Equity:Opening"
        case .externalEquity: "Equity:External"
        case .clearing(.applicationFee): "Assets:Clearing:Application-Fee"
        case .clearing(let kind): "Assets:Clearing:\(journalPart(kind.rawValue))"
        case .suspense: "Assets:Suspense"
        }
    }
}

extension BalanceOwner {
    fileprivate var journalName: String { journalPart(code) }
}

/// One part of a name: `acct_1Ab` is `Acct-1Ab`. What stands for nothing else is written as its bytes, so that two ids
/// never become one.
private func journalPart(_ id: String) -> String {
    var part = ""
    var startsWord = true
    for byte in id.utf8 {
        let character = Character(Unicode.Scalar(byte))
        switch byte {
        case UInt8(ascii: "_") where !startsWord:
            part += "-"
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            part += startsWord ? character.uppercased() : String(character)
        default:
            part += "X" + String(byte, radix: 16, uppercase: true) + "X"
        }
        startsWord = false
    }
    return part
}

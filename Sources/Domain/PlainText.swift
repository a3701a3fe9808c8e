/// A text of the caller's that Souk keeps and shows, and gives to Stripe as it is: an id, a reason, a category.
package enum PlainText {
    /// - Throws: `parameter_invalid` for another number of characters and for control characters.
    package static func check(_ text: String, _ lengths: ClosedRange<Int>, parameter: String) throws(Refusal) {
        let hasControls = text.unicodeScalars.contains { $0.properties.generalCategory == .control }
        guard lengths.contains(text.unicodeScalars.count), !hasControls else {
            throw Refusal(
                .parameterInvalid,
                "This text has \(lengths.lowerBound) to \(lengths.upperBound) characters and no control characters.",
                parameter: parameter)
        }
    }
}

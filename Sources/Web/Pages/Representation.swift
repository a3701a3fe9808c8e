package import Hummingbird

/// An answer in the form that the caller asks for with `Accept`: JSON unless another is liked better.
package struct Representation<Body: Encodable & Sendable>: ResponseGenerator, Sendable {
    let json: Body
    let page: PrintablePage
    /// Nil where there is no such form.
    let csv: String?

    package init(json: Body, page: PrintablePage, csv: String? = nil) {
        self.json = json
        self.page = page
        self.csv = csv
    }

    package func response(from request: Request, context: some RequestContext) throws -> Response {
        let offered: [MediaType] = csv == nil ? [.json, .html] : [.json, .html, .csv]
        var response: Response
        switch MediaType.preferred(of: offered, by: request.headers[.accept] ?? "") {
        case .json: response = Response(json: try JSONWriter.encode(json), status: .ok)
        case .html: response = page.response()
        case .csv: response = Response(text: csv ?? "", type: "text/csv; charset=utf-8")
        }
        response.headers[.vary] = "Accept"
        return response
    }
}

/// What answers can be written as.
enum MediaType: String, CaseIterable {
    case json = "application/json"
    case html = "text/html"
    case csv = "text/csv"

    /// The form with the highest quality in an `Accept` header (RFC 9110, section 12.5.1). Of equals the first that is
    /// offered, and so where nothing offered is acceptable: an answer of another form says more than a refusal.
    static func preferred(of offered: [MediaType], by accept: String) -> MediaType {
        let ranges = accept.split(separator: ",").compactMap { MediaRange($0) }
        var best = offered[0]
        var bestQuality = 0
        for type in offered {
            // The most specific range that fits decides.
            let quality = ranges.filter { $0.includes(type) }.max { $0.specificity < $1.specificity }?.quality ?? 0
            if quality > bestQuality { (best, bestQuality) = (type, quality) }
        }
        return best
    }
}

private struct MediaRange {
    let type: Substring
    let subtype: Substring
    /// In thousandths.
    let quality: Int

    init?(_ text: Substring) {
        let parts = text.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
        let names = parts.first?.split(separator: "/", omittingEmptySubsequences: false) ?? []
        guard names.count == 2 else { return nil }
        type = names[0]
        subtype = names[1]
        let given = parts.dropFirst().first { $0.hasPrefix("q=") }
        guard let given else {
            quality = 1000
            return
        }
        let digits = given.dropFirst(2).split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = digits.first, let units = Int(whole), (0...1).contains(units), digits.count <= 2 else {
            return nil
        }
        let fraction = digits.count == 2 ? digits[1].prefix(3) : ""
        guard fraction.allSatisfy(\.isNumber) else { return nil }
        let thousandths = Int(fraction + String(repeating: "0", count: 3 - fraction.count)) ?? 0
        quality = min(1000, units * 1000 + thousandths)
    }

    var specificity: Int { type == "*" ? 0 : subtype == "*" ? 1 : 2 }

    func includes(_ media: MediaType) -> Bool {
        let names = media.rawValue.split(separator: "/")
        return (type == "*" || type == names[0]) && (subtype == "*" || subtype == names[1])
    }
}

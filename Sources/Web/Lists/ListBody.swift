package import Domain
import Hummingbird

/// A page of a list as callers see it: `{"object":"list","url":…,"has_more":…,"data":[…]}`.
package struct ListBody<Element: Encodable>: ResponseEncodable {
    package let object = "list"
    package let url: String
    package let hasMore: Bool
    package let data: [Element]

    /// Wraps a page; `url` is the list's own path, such as `/v1/sellers`.
    package init(_ page: Page<Element>, url: String) {
        self.url = url
        hasMore = page.hasMore
        data = page.elements
    }

    private enum CodingKeys: String, CodingKey {
        case object, url, hasMore, data
    }
}

extension ListBody: Sendable where Element: Sendable {}

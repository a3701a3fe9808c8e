// curl_easy_setopt, curl_easy_getinfo and curl_multi_setopt are variadic, which Swift cannot call:
// one typed forwarder for each kind of argument, and nothing else.
#pragma once
#include <curl/curl.h>

static inline CURLcode souk_curl_setopt_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

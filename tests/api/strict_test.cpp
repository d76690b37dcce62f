#include "api/http/strict.hpp"

#include "api/http/application.hpp"

#include <catch2/catch.hpp>

using tidemark::api::check_head;

namespace {

// Status of the refusal; 0: taken. Lines are joined with CR LF and an empty one added.
unsigned refused(std::initializer_list<std::string> lines) {
    std::string head;
    for (const auto& line : lines) {
        head += line + "\r\n";
    }
    const auto fault = check_head(head + "\r\n", 8);
    return fault ? fault->status : 0;
}

}  // namespace

TEST_CASE("ordinary heads are taken", "[strict]") {
    CHECK(refused({"GET / HTTP/1.1", "Host: localhost:8080"}) == 0);
    CHECK(refused({"GET /a?b=c HTTP/1.0"}) == 0);
    CHECK(refused({"POST /x HTTP/1.1", "host:localhost", "Content-Length: 5"}) == 0);
    CHECK(refused({"POST /x HTTP/1.1", "Host: localhost", "Transfer-Encoding: Chunked"}) == 0);
    CHECK(refused({"GET / HTTP/1.1", "Host: localhost", "Accept: a", "Accept: b"}) == 0);
    CHECK(refused({"GET / HTTP/1.1", "Host: localhost", "Tidemark-Actor: \xE5\xBC\xA0"}) == 0);
}

TEST_CASE("a head that two programs could read differently is refused", "[strict]") {
    const std::string get = "GET / HTTP/1.1";
    const std::string post = "POST / HTTP/1.1";
    const std::string host = "Host: localhost";
    CHECK(refused({post, host, "Transfer-Encoding: chunked", "Content-Length: 5"}) == 400);
    CHECK(refused({post, host, "Transfer-Encoding: gzip", "Content-Length: 5"}) == 400);
    CHECK(refused({post, host, "Transfer-Encoding: gzip, chunked"}) == 400);
    CHECK(refused({post, host, "Transfer-Encoding: chunked, chunked"}) == 400);
    CHECK(refused({post, host, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}) == 400);
    CHECK(refused({post, host, "Transfer-Encoding: identity"}) == 400);
    CHECK(refused({"POST / HTTP/1.0", host, "Transfer-Encoding: chunked"}) == 400);
    CHECK(refused({post, host, "Content-Length: 5, 5"}) == 400);
    CHECK(refused({post, host, "Content-Length: 5", "Content-Length: 5"}) == 400);
    CHECK(refused({post, host, "Content-Length: +5"}) == 400);
    CHECK(refused({post, host, "Content-Length: "}) == 400);
    CHECK(refused({post, host, "Content-Length: 99999999999999999999"}) == 400);
    CHECK(refused({get}) == 400);
    CHECK(refused({get, host, host}) == 400);
    CHECK(refused({get, "Host: "}) == 400);
    CHECK(refused({get, "Host: a, b"}) == 400);
    CHECK(refused({get, host, "Authorization: a", "Authorization: b"}) == 400);
    CHECK(refused({get, host, "X: a", " folded"}) == 400);
    CHECK(refused({get, host, "X : a"}) == 400);
    CHECK(refused({get, host, ": a"}) == 400);
    CHECK(refused({get, host, "no colon"}) == 400);
    CHECK(refused({get, host, std::string("X: a\0b", 6)}) == 400);
    CHECK(refused({get, host, "X: a\rb"}) == 400);
    CHECK(refused({get, host, "X: a\nY: b"}) == 400);
    CHECK(refused({post, host, "Idempotency-Key: a", "idempotency-key: b"}) == 400);
    CHECK(refused({post, host, "Tidemark-Tenant: a", "Tidemark-Tenant: a"}) == 400);
}

TEST_CASE("request lines are one method, one path, one version", "[strict]") {
    CHECK(refused({"GET  / HTTP/1.1", "Host: localhost"}) == 400);
    CHECK(refused({"GET /a b HTTP/1.1", "Host: localhost"}) == 400);
    CHECK(refused({"GET http://localhost/ HTTP/1.1", "Host: localhost"}) == 400);
    CHECK(refused({"GET /#x HTTP/1.1", "Host: localhost"}) == 400);
    CHECK(refused({"G(T / HTTP/1.1", "Host: localhost"}) == 400);
    CHECK(refused({"GET /", "Host: localhost"}) == 400);
    CHECK(refused({"GET / HTTP/2.0", "Host: localhost"}) == 505);
    CHECK(refused({"", "GET / HTTP/1.1", "Host: localhost"}) == 400);
}

TEST_CASE("header fields are counted", "[strict]") {
    CHECK(refused({"GET / HTTP/1.1", "Host: h", "a: 1", "b: 1", "c: 1", "d: 1", "e: 1", "f: 1", "g: 1"}) == 0);
    CHECK(refused({"GET / HTTP/1.1", "Host: h", "a: 1", "b: 1", "c: 1", "d: 1", "e: 1", "f: 1", "g: 1", "h: 1"}) ==
          431);
}

TEST_CASE("only names of this machine for itself count as loopback", "[strict]") {
    for (const char* name : {"localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "tidemark.localhost"}) {
        CHECK(tidemark::api::names_loopback(name));
    }
    for (const char* name : {"example.com", "localhost.example.com", "[::2]", "10.0.0.1:8080", ""}) {
        CHECK_FALSE(tidemark::api::names_loopback(name));
    }
}

#include "projections/customer_360/customer_360.hpp"

#include "projections/sales/sales.hpp"
#include "tests/projections/delivery_events.hpp"
#include "tests/projections/sale_events.hpp"
#include "tests/support/fold.hpp"

#include <catch2/catch.hpp>

using namespace tidemark;
using namespace tidemark::tests;
namespace customer_360 = projections::customer_360;

namespace {

v1::CustomerEvent created(std::string name) {
    v1::CustomerEvent e;
    e.mutable_customer_created()->mutable_name()->set_clear(std::move(name));
    return e;
}
v1::CustomerEvent need(std::string text) {
    v1::CustomerEvent e;
    e.mutable_customer_need_recorded()->set_type(v1::PAIN_POINT);
    e.mutable_customer_need_recorded()->set_text(std::move(text));
    return e;
}
v1::CustomerEvent consent(std::string purpose, std::string channel) {
    v1::CustomerEvent e;
    e.mutable_consent_given()->set_purpose(std::move(purpose));
    e.mutable_consent_given()->set_channel(std::move(channel));
    return e;
}
v1::CustomerEvent withdrawn(std::string purpose, std::string channel) {
    v1::CustomerEvent e;
    e.mutable_consent_withdrawn()->set_purpose(std::move(purpose));
    e.mutable_consent_withdrawn()->set_channel(std::move(channel));
    return e;
}

// Sales and a delivery of acme are told before acme itself: partitions know no order among each other.
Story acme() {
    const auto d = dims();
    Story story;
    story.sale("s1", opened(d, eur(100), at(2026, 1, 1)), at(2026, 1, 1))
        .sale("s2", opened(d, eur(200), at(2026, 1, 1)), at(2026, 1, 1))
        .sale("s3", opened(d, eur(300), at(2026, 1, 1)), at(2026, 1, 1))
        .sale("x", opened(dims("ada", "north", "p1", "other"), eur(999), at(2026, 1, 1)), at(2026, 1, 1))
        .sale("y", opened(dims("ada", "north", "p1", ""), eur(999), at(2026, 1, 1)), at(2026, 1, 1))
        .sale("s2", won(d, eur(250), eur(200), "lead", at(2026, 1, 1), at(2026, 1, 9)), at(2026, 1, 9))
        .sale("s3", lost(d, v1::PRICE, eur(300), "lead", at(2026, 1, 1), at(2026, 1, 9)), at(2026, 1, 9))
        .delivery("d1", planned(delivery_dims("acme"), a_plan()), at(2026, 1, 10))
        .customer("acme", created("Acme"), at(2026, 1, 2))
        .customer("acme", need("faster answers"), at(2026, 1, 3))
        .customer("acme", consent("newsletter", ""), at(2026, 1, 4))
        .customer("acme", withdrawn("newsletter", "phone"), at(2026, 1, 5));
    return story;
}

}  // namespace

TEST_CASE("a customer's page puts details, needs, consents, sales and deliveries together", "[customer_360]") {
    View view(customer_360::make());
    View sales(projections::sales::make());
    acme().fold_into(view);
    acme().fold_into(sales);
    const auto page = customer_360::query_overview(view, sales, "default", "acme").value();
    CHECK(page.customer().name() == "Acme");
    CHECK(page.customer().version() == 4);
    REQUIRE(page.needs_size() == 1);
    CHECK(page.needs(0).text() == "faster answers");
    REQUIRE(page.consents_size() == 2);
    CHECK(page.consents(0).withdrawn_at() == 0);
    CHECK(page.consents(1).channel() == "phone");
    CHECK(page.consents(1).withdrawn_at() == at(2026, 1, 5));
    CHECK(page.open().count() == 1);
    CHECK(page.won().count() == 1);
    CHECK(page.won().value(0).minor() == 250);
    CHECK(page.lost().value(0).minor() == 300);
    CHECK(page.sales_size() == 3);
    REQUIRE(page.deliveries_size() == 1);
    CHECK(page.deliveries(0).status() == v1::CustomerDelivery::PLANNED);
    CHECK_FALSE(customer_360::query_overview(view, sales, "default", "other"));
    CHECK_FALSE(customer_360::query_overview(view, sales, "elsewhere", "acme"));
}

TEST_CASE("a customer's page is the same in whatever order the partitions are read", "[customer_360]") {
    View told(customer_360::make());
    acme().fold_into(told);
    for (unsigned seed = 1; seed <= 10; ++seed) {
        INFO("seed " << seed);
        View view(customer_360::make());
        acme().fold_shuffled_into(view, seed);
        CHECK(view.dump() == told.dump());
    }
}

TEST_CASE("withdrawing a consent for all channels withdraws those for single ones", "[customer_360]") {
    Story story;
    story.customer("c", created("C"), 1)
        .customer("c", consent("calls", "phone"), 2)
        .customer("c", withdrawn("calls", ""), 3);
    View view(customer_360::make());
    story.fold_into(view);
    const View sales(projections::sales::make());
    const auto page = customer_360::query_overview(view, sales, "default", "c").value();
    for (const auto& c : page.consents()) CHECK(c.withdrawn_at() == 3);
}

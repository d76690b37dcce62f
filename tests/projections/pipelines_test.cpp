#include "projections/pipelines/pipelines.hpp"

#include "tests/projections/story.hpp"
#include "tests/support/fold.hpp"

#include <catch2/catch.hpp>

using namespace tidemark;
using namespace tidemark::tests;
namespace pipelines = projections::pipelines;

namespace {

void write(google::protobuf::RepeatedPtrField<v1::Stage>& stages, const std::vector<std::string>& ids) {
    for (const auto& id : ids) {
        auto& stage = *stages.Add();
        stage.set_id(id);
        stage.set_name("The " + id);
        stage.set_probability_bp(1'000 * stages.size());
    }
}

v1::PipelineEvent defined(std::string name, const std::vector<std::string>& stages) {
    v1::PipelineEvent e;
    e.mutable_pipeline_defined()->set_name(std::move(name));
    write(*e.mutable_pipeline_defined()->mutable_stages(), stages);
    return e;
}

v1::PipelineEvent changed(std::string name, const std::vector<std::string>& stages) {
    v1::PipelineEvent e;
    e.mutable_pipeline_changed()->set_name(std::move(name));
    write(*e.mutable_pipeline_changed()->mutable_stages(), stages);
    return e;
}

// "direct: lead offer, partner: ..."
std::string told(const v1::PipelineList& list) {
    std::string all;
    for (const auto& pipeline : list.pipelines()) {
        all.append(all.empty() ? "" : ", ").append(pipeline.id()).append(":");
        for (const auto& stage : pipeline.stages()) all.append(" ").append(stage.id());
    }
    return all;
}

}  // namespace

TEST_CASE("a listed pipeline has the name and the stages of its latest definition, in their order", "[pipelines]") {
    View view(pipelines::make());
    Story story;
    story.pipeline("partner", defined("Partners", {"talk", "sign"}), at(2026, 1, 2))
        .pipeline("direct", defined("Direct", {"lead", "offer"}), at(2026, 1, 1))
        .pipeline("direct", changed("Direct sales", {"offer", "contract", "lead"}), at(2026, 2, 1));
    story.fold_into(view);
    const auto list = pipelines::query_list(view, {.tenant = "default"}).value();
    REQUIRE(told(list) == "direct: offer contract lead, partner: talk sign");
    const auto& direct = list.pipelines(0);
    CHECK(direct.name() == "Direct sales");
    CHECK(direct.stages(1).name() == "The contract");
    CHECK(direct.stages(1).probability_bp() == 2'000);
    CHECK(direct.version() == 2);
    CHECK(direct.defined_at() == at(2026, 1, 1));
    CHECK(direct.changed_at() == at(2026, 2, 1));
}

TEST_CASE("pipelines are listed in pages, each once, and a tenant sees its own only", "[pipelines]") {
    View view(pipelines::make());
    Story story;
    for (const char* id : {"a", "b", "c"}) story.pipeline(id, defined("P", {"lead"}), at(2026, 1, 1));
    story.pipeline("d", defined("P", {"lead"}), at(2026, 1, 1), {.tenant = "other"});
    story.fold_into(view);
    const auto first = pipelines::query_list(view, {.tenant = "default", .page = {.limit = 2}}).value();
    CHECK(told(first) == "a: lead, b: lead");
    REQUIRE_FALSE(first.next_cursor().empty());
    const auto rest =
        pipelines::query_list(view, {.tenant = "default", .page = {.limit = 2, .cursor = first.next_cursor()}}).value();
    CHECK(told(rest) == "c: lead");
    CHECK(rest.next_cursor().empty());
    CHECK(told(pipelines::query_list(view, {.tenant = "other"}).value()) == "d: lead");
    CHECK(pipelines::query_list(view, {.tenant = "other", .page = {.limit = 1'001}}).error().field == "limit");
}

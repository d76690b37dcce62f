#include "aggregates/pipeline/pipeline.hpp"

#include "tests/support/decider_tables.hpp"

using namespace tidemark;
using namespace tidemark::tests;
using aggregates::Pipeline;
using Why = aggregates::PipelineRejection;

namespace {

const std::string two_stages =
    R"(name: "Standard" stages { id: "lead" name: "Lead" probability_bp: 1000 rotting_days: 30 }
                                                   stages { id: "offer" name: "报价" probability_bp: 5000 })";
const std::string three_stages = two_stages + R"( stages { id: "contract" name: "Contract" probability_bp: 9000 })";
const auto defined = moment<Pipeline>("define_pipeline {" + two_stages + "}");

}  // namespace

TEST_CASE("a pipeline is defined and changed whole; what changes nothing yields nothing", "[pipeline]") {
    check_commands<Pipeline>({
        {given<Pipeline>(), "define_pipeline {" + two_stages + "}", monday, "pipeline_defined {" + two_stages + "}"},
        {given<Pipeline>(defined), "change_pipeline {" + three_stages + "}", monday,
         "pipeline_changed {" + three_stages + "}"},
    });
}

TEST_CASE("every rejection of a pipeline has its case", "[pipeline]") {
    const std::string twice = R"(name: "Standard" stages { id: "lead" name: "A" } stages { id: "lead" name: "B" })";
    check_rejections<Pipeline>({
        {given<Pipeline>(), "change_pipeline {" + two_stages + "}", monday, Why::pipeline_not_found},
        {given<Pipeline>(defined), "define_pipeline {" + three_stages + "}", monday, Why::pipeline_already_exists},
        {given<Pipeline>(), "define_pipeline {" + twice + "}", monday, Why::stage_repeated, "define_pipeline.stages"},
        {given<Pipeline>(defined), "change_pipeline {" + twice + "}", monday, Why::stage_repeated,
         "change_pipeline.stages"},
    });
}

TEST_CASE("a pipeline that has changed is not defined again", "[pipeline]") {
    const auto changed = moment<Pipeline>("change_pipeline {" + three_stages + "}");
    CHECK(given<Pipeline>(defined, changed).when("define_pipeline {" + two_stages + "}") ==
          refuses<Pipeline>(Why::pipeline_already_exists));
    CHECK(given<Pipeline>(defined, changed).when("define_pipeline {" + three_stages + "}") ==
          changes_nothing<Pipeline>());
}

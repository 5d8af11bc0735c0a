#include "bench/scaling/json.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace {

using scaling::Json;

TEST(Json, NestsObjectsAndArrays) {
  Json json;
  json.begin_object();
  json.field("ranks", 4);
  json.name("rows");
  json.begin_array();
  json.begin_object();
  json.field("case", "put");
  json.end_object();
  json.value(1.5);
  json.end_array();
  json.name("none");
  json.begin_array();
  json.end_array();
  json.end_object();
  EXPECT_EQ(json.text(),
            "{\n"
            "  \"ranks\": 4,\n"
            "  \"rows\": [\n"
            "    {\n"
            "      \"case\": \"put\"\n"
            "    },\n"
            "    1.5\n"
            "  ],\n"
            "  \"none\": []\n"
            "}\n");
}

TEST(Json, QuotesWhatTextsMayNotHave) {
  Json json;
  json.value("a \"b\" \\ \n µ");
  EXPECT_EQ(json.text(), "\"a \\\"b\\\" \\\\ \\u000a µ\"");
}

TEST(Json, HasNoNumberThatIsNotFinite) {
  Json json;
  json.begin_array();
  json.value(std::numeric_limits<double>::quiet_NaN());
  json.value(std::vector<double>{1e-9, std::numeric_limits<double>::infinity()});
  json.value(std::numeric_limits<std::uint64_t>::max());
  json.null();
  json.end_array();
  EXPECT_EQ(json.text(), "[\n  null,\n  [1e-09, null],\n  18446744073709551615,\n  null\n]\n");
}

}  // namespace

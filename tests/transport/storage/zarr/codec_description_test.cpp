// How metadata of Zarr, and programs, describe codecs.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/zarr/codec_samples.hpp"
#include "transport/storage/codecs/codec_list.hpp"

namespace locum::tests::of_zarr_codec_description {
namespace {

using storage::bytes_codec_of_text;
using storage::bytes_codec_of_v2;
using storage::bytes_codec_of_v3;

using Made = Result<std::unique_ptr<storage::BytesCodec>>;

void expect_error(const Made& made, Errc code, const std::string& part) {
  ASSERT_FALSE(made) << part;
  EXPECT_EQ(made.error().code(), code) << made.error();
  EXPECT_NE(made.error().text().find(part), std::string::npos) << made.error() << " lacks " << part;
}

bool has_codec(std::string_view name) {
  const auto& known = storage::known_codecs();
  const auto found = std::ranges::find(known, name, &storage::KnownCodec::name);
  return found != known.end() && found->traits != nullptr;
}

TEST(ZarrCodecDescription, IsReadAsItWasWritten) {
  const std::vector<std::byte> plain = sample_bytes(Sample::smooth, 4000);
  for (const std::string& text : texts_of_codecs()) {
    SCOPED_TRACE(text);
    const auto codec = codec_of(text);
    for (const int version : {2, 3}) {
      const auto described = codec->described(version);
      if (text == "crc32c(location=start)" && version == 3) {
        EXPECT_EQ(code_of(described), Errc::unsupported);
        continue;
      }
      ASSERT_TRUE(described) << described.error();
      // Another size of elements: the description has it, where it counts.
      const auto again = version == 2 ? bytes_codec_of_v2(*described, 8) : bytes_codec_of_v3(*described, 2);
      ASSERT_TRUE(again) << *described << ": " << again.error();
      EXPECT_EQ((*again)->described(version).value(), *described);
      EXPECT_EQ((*again)->name(), codec->name());
      EXPECT_EQ((*again)->encode(plain).value(), codec->encode(plain).value()) << *described;
      if (version == 3) {
        EXPECT_EQ((*described)["name"].text(), codec->name());
      }
    }
  }
}

TEST(ZarrCodecDescription, IsThatOfOthers) {
  EXPECT_EQ(codec_of("crc32c")->described(3).value(), Record::members({{"name", "crc32c"}}));
  EXPECT_EQ(codec_of("shuffle")->described(2).value(), Record({{"id", "shuffle"}, {"elementsize", 8}}));
  EXPECT_EQ(
      codec_of("shuffle")->described(3).value(),
      Record({{"name", "numcodecs.shuffle"}, {"configuration", Record::members({{"elementsize", 8}})}}));
  if (has_codec("blosc")) {
    EXPECT_EQ(codec_of("blosc")->described(2).value(),
              Record({{"id", "blosc"}, {"cname", "lz4"}, {"clevel", 5}, {"shuffle", 1}, {"blocksize", 0}}));
    EXPECT_EQ(codec_of("blosc(zstd, 3)", 1)->described(3).value(), Record({{"name", "blosc"},
                                                                           {"configuration",
                                                                            {{"cname", "zstd"},
                                                                             {"clevel", 3},
                                                                             {"shuffle", "bitshuffle"},
                                                                             {"typesize", 1},
                                                                             {"blocksize", 0}}}}));
  }
  if (has_codec("zstd")) {
    EXPECT_EQ(codec_of("zstd")->described(2).value(), Record({{"id", "zstd"}, {"level", 3}}));
    EXPECT_EQ(codec_of("zstd")->described(3).value(),
              Record({{"name", "zstd"}, {"configuration", {{"level", 3}, {"checksum", false}}}}));
  }
}

TEST(ZarrCodecDescription, OfVersion2MayHaveNullForWhatIsLeftOut) {
  const Record described = Record::members({{"id", "zstd"}, {"level", 3}, {"checksum", Record()}});
  if (has_codec("zstd")) {
    const Record expected = {{"id", "zstd"}, {"level", 3}};
    EXPECT_EQ(bytes_codec_of_v2(described, 8).value()->described(2).value(), expected);
  }
}

TEST(ZarrCodecDescription, OfVersion2MayLeaveOutWhatNumcodecsHas) {
  for (const auto& [id, expected] : std::vector<std::pair<std::string, Record>>{
           {"gzip", {{"id", "gzip"}, {"level", 1}}},
           {"zlib", {{"id", "zlib"}, {"level", 1}}},
           {"zstd", {{"id", "zstd"}, {"level", 1}}},
           {"lz4", {{"id", "lz4"}, {"acceleration", 1}}},
           {"blosc", {{"id", "blosc"}, {"cname", "lz4"}, {"clevel", 5}, {"shuffle", 1}, {"blocksize", 0}}},
           {"shuffle", {{"id", "shuffle"}, {"elementsize", 4}}},
           {"crc32", Record::members({{"id", "crc32"}})},
           {"crc32c", Record::members({{"id", "crc32c"}})}}) {
    if (has_codec(id)) {
      EXPECT_EQ(bytes_codec_of_v2(Record::members({{"id", id}}), 8).value()->described(2).value(), expected);
    }
  }
}

TEST(ZarrCodecDescription, OfVersion3HasOtherNamesForThem) {
  EXPECT_EQ(bytes_codec_of_v3("crc32c", 8).value()->name(), "crc32c");
  EXPECT_EQ(
      bytes_codec_of_v3({{"name", "crc32c"}, {"configuration", Record::members({})}}, 8).value()->name(),
      "crc32c");
  EXPECT_EQ(bytes_codec_of_v3({{"name", "crc32c"}, {"must_understand", true}}, 8).value()->name(), "crc32c");
  EXPECT_EQ(bytes_codec_of_v3("numcodecs.shuffle", 8).value()->name(), "numcodecs.shuffle");
  expect_error(bytes_codec_of_v3("shuffle", 8), Errc::unsupported, "'shuffle'");
  if (has_codec("zstd")) {
    EXPECT_EQ(bytes_codec_of_v3("numcodecs.zstd", 8).value()->name(), "zstd");
    EXPECT_TRUE(bytes_codec_of_v3({{"name", "zstd"}, {"configuration", Record::members({{"level", 0}})}}, 8));
  }
}

TEST(ZarrCodecDescription, TakesTheSizeOfElementsWhereItIsLeftOpen) {
  if (!has_codec("blosc")) {
    GTEST_SKIP() << "no blosc in this build";
  }
  const Record described = {
      {"name", "blosc"},
      {"configuration", {{"cname", "lz4"}, {"clevel", 5}, {"shuffle", "shuffle"}, {"blocksize", 0}}}};
  const auto typesize = [](const Made& made) {
    return made.value()->described(3).value()["configuration"]["typesize"];
  };
  EXPECT_EQ(typesize(bytes_codec_of_v3(described, 4)), Record(4));
  EXPECT_EQ(typesize(bytes_codec_of_v3(described, 0)), Record(1));
  const auto automatic = [](std::size_t element_bytes) {
    return bytes_codec_of_v2({{"id", "blosc"}, {"shuffle", -1}}, element_bytes)
        .value()
        ->described(2)
        .value()["shuffle"];
  };
  EXPECT_EQ(automatic(1), Record(2));
  EXPECT_EQ(automatic(2), Record(1));
  EXPECT_EQ(codec_of("blosc(lz4)", 8)->encode(sample_bytes(Sample::smooth, 4096)).value().at(3),
            std::byte{8});
}

TEST(ZarrCodecDescription, IsRefusedByName) {
  expect_error(bytes_codec_of_v2(Record(), 8), Errc::invalid_argument, "id");
  expect_error(bytes_codec_of_v2({{"id", 3}}, 8), Errc::invalid_argument, "id");
  expect_error(bytes_codec_of_v2(Record::members({{"id", "bz2"}}), 8), Errc::unsupported,
               "'bz2'; there are blosc");
  expect_error(bytes_codec_of_v3(Record(), 8), Errc::invalid_argument, "name");
  expect_error(bytes_codec_of_v3(Record::list({"crc32c"}), 8), Errc::invalid_argument, "name");
  expect_error(bytes_codec_of_v3("numcodecs.", 8), Errc::unsupported, "'numcodecs.'");
  expect_error(bytes_codec_of_v3("numcodecs.numcodecs.shuffle", 8), Errc::unsupported, "numcodecs.shuffle'");
  expect_error(bytes_codec_of_v3(Record::members({{"name", std::string(100'000, 'x')}}), 8),
               Errc::unsupported, std::string(80, 'x') + "…'");
  expect_error(bytes_codec_of_v3({{"name", "crc32c"}, {"level", 3}}, 8), Errc::invalid_argument, "'level'");
  expect_error(bytes_codec_of_v3({{"name", "crc32c"}, {"must_understand", 1}}, 8), Errc::invalid_argument,
               "'must_understand'");
  expect_error(bytes_codec_of_v3({{"name", "crc32c"}, {"configuration", 1}}, 8), Errc::invalid_argument,
               "crc32c: its description must be members");
  expect_error(bytes_codec_of_v3({{"name", "crc32c"}, {"configuration", {{"location", "end"}, {"b", 1}}}}, 8),
               Errc::invalid_argument, "no member 'location'; it has none");
  expect_error(bytes_codec_of_v2({{"id", "crc32c"}, {"location", "middle"}}, 8), Errc::invalid_argument,
               "crc32c: location must be one of start, end");
  expect_error(bytes_codec_of_v2({{"id", "shuffle"}, {"elementsize", "4"}}, 8), Errc::invalid_argument,
               "elementsize must be an integer");
  expect_error(bytes_codec_of_v3(
                   {{"name", "numcodecs.shuffle"}, {"configuration", {{"elementsize", 4.0}, {"b", 1}}}}, 8),
               Errc::invalid_argument, "no member 'b'; it has elementsize");
}

Made v3_codec(const char* name, const Record& configuration) {
  return bytes_codec_of_v3({{"name", name}, {"configuration", configuration}}, 8);
}

TEST(ZarrCodecDescription, OfCompressorsIsRefusedByName) {
  if (!has_codec("blosc") || !has_codec("zstd") || !has_codec("gzip")) {
    GTEST_SKIP() << "not all codecs are in this build";
  }
  const auto wrong = Errc::invalid_argument;
  expect_error(v3_codec("gzip", Record::members({})), wrong, "gzip: its description has no level");
  expect_error(v3_codec("gzip", Record()), wrong, "gzip: its description has no level");
  expect_error(v3_codec("gzip", Record::members({{"level", 10}})), wrong,
               "level must be an integer from 0 to 9");
  expect_error(v3_codec("gzip", Record::members({{"level", -1}})), wrong,
               "level must be an integer from 0 to 9");
  expect_error(v3_codec("gzip", Record::members({{"level", 5.0}})), wrong, "level must be an integer");
  expect_error(v3_codec("zstd", Record::members({{"checksum", true}})), wrong,
               "zstd: its description has no level");
  expect_error(v3_codec("zstd", {{"level", 1}, {"checksum", 1}}), wrong, "checksum must be true or false");
  expect_error(v3_codec("zstd", Record::members({{"level", 23}})), wrong,
               "level must be an integer from -131072 to 22");
  const Record right = {{"cname", "lz4"}, {"clevel", 5}, {"shuffle", "noshuffle"}, {"blocksize", 0}};
  EXPECT_TRUE(v3_codec("blosc", right));
  for (const char* const member : {"cname", "clevel", "shuffle", "blocksize"}) {
    Record without = right;
    without.remove(member);
    expect_error(v3_codec("blosc", without), wrong, std::string("blosc: its description has no ") + member);
    Record changed = right;
    changed.set(member, -2);
    expect_error(v3_codec("blosc", changed), wrong, std::string("blosc: ") + member + " must be ");
  }
  for (const Record& typesize : {Record(0), Record(1.5), Record(), Record(std::uint64_t{1} << 63U)}) {
    Record changed = right;
    changed.set("typesize", typesize);
    expect_error(v3_codec("blosc", changed), wrong, "blosc: typesize must be ");
  }
  expect_error(bytes_codec_of_v2({{"id", "blosc"}, {"shuffle", 3}}, 8), wrong, "shuffle must be an integer");
  expect_error(bytes_codec_of_v2({{"id", "blosc"}, {"shuffle", "shuffle"}}, 8), wrong,
               "shuffle must be an integer");
  expect_error(bytes_codec_of_v2({{"id", "blosc"}, {"nthreads", 3}}, 8), wrong, "no member 'nthreads'");
}

TEST(ZarrCodecDescription, OfProgramsMayHaveNamesAndBlanks) {
  if (!has_codec("blosc") || !has_codec("zstd")) {
    GTEST_SKIP() << "not all codecs are in this build";
  }
  const auto description = [](const char* text) { return codec_of(text)->described(3).value(); };
  EXPECT_EQ(description("  zstd ( 7 , checksum = true )\t"), description("zstd(checksum=true,level=7)"));
  EXPECT_EQ(description("zstd(7, true)"), description("zstd(7, checksum=true)"));
  EXPECT_EQ(description("zstd()"), description("zstd"));
  EXPECT_EQ(description("blosc(zstd, 5, bitshuffle)")["configuration"]["shuffle"].text(), "bitshuffle");
  EXPECT_EQ(description("blosc(shuffle=noshuffle)")["configuration"]["cname"].text(), "lz4");
}

TEST(ZarrCodecDescription, OfProgramsIsRefusedWithTheRightForm) {
  const auto wrong = Errc::invalid_argument;
  for (const auto& [text, part] : std::vector<std::pair<const char*, const char*>>{
           {"shuffle(", "its ( has no ) at the end"},
           {"shuffle(4", "its ( has no ) at the end"},
           {"shuffle(4) x", "its ( has no ) at the end"},
           {"shuffle(x)", "elementsize must be an integer"},
           {"shuffle(4.0)", "elementsize must be an integer"},
           {"shuffle(99999999999999999999)", "elementsize must be an integer"},
           {"shuffle(4, 5)", "it has too many values"},
           {"shuffle(4,)", "it has too many values"},
           {"shuffle(,)", "a value is empty"},
           {"shuffle(elementsize=)", "a value is empty"},
           {"shuffle(=4)", "a value is empty"},
           {"shuffle(4, elementsize=4)", "'elementsize' is given twice"},
           {"shuffle(elementsize=4, 4)", "'4' has no name"},
           {"shuffle(size=4)", "no member 'size'; it has elementsize"}}) {
    const auto made = bytes_codec_of_text(text, 8);
    expect_error(made, wrong, part);
    EXPECT_NE(made.error().text().find("the form is shuffle(elementsize)"), std::string::npos)
        << made.error();
  }
  expect_error(bytes_codec_of_text("crc32c(1)", 8), wrong, "it has no values; the form is crc32c");
  expect_error(bytes_codec_of_text("", 8), Errc::unsupported, "there are blosc, crc32, crc32c, gzip");
  expect_error(bytes_codec_of_text("(3)", 8), Errc::unsupported, "''");
  expect_error(bytes_codec_of_text("Zstd(3)", 8), Errc::unsupported, "'Zstd'");
  if (has_codec("blosc")) {
    expect_error(bytes_codec_of_text("blosc(lz5)", 8), wrong, "cname must be one of lz4, blosclz");
    expect_error(bytes_codec_of_text("blosc(zstd, shuffle)", 8), wrong,
                 "clevel must be an integer from 0 to 9; the form is blosc(cname, clevel, shuffle)");
  }
}

}  // namespace
}  // namespace locum::tests::of_zarr_codec_description

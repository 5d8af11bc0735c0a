// What a build says of the parts that it was built without. The sources that say it are compiled into this
// program once more, without any of them.

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/codecs/bytes_codec.hpp"
#include "transport/storage/configuration.hpp"
#include "transport/storage/experiments/experiments.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

struct Part {
  std::string option;   ///< of CMake
  std::string package;  ///< of Debian
};

void expect_left_out(const Error& error, const Part& part) {
  EXPECT_EQ(error.code(), Errc::unsupported) << error;
  EXPECT_NE(error.text().find("-D" + part.option + "=ON"), std::string::npos) << error;
  EXPECT_NE(error.text().find(part.package), std::string::npos) << error;
}

TEST(LeftOut, BackendsNameTheirOptionAndPackage) {
  std::map<std::string, std::string> left_out;
  for (const BackendDescription& backend : backend_descriptions()) {
    EXPECT_EQ(backend.is_built_in, backend.option.empty()) << backend.traits.scheme;
    if (!backend.option.empty()) {
      left_out[std::string(backend.traits.scheme)] = backend.option;
      const auto opened = open(backend.url);
      ASSERT_FALSE(opened) << backend.url;
      EXPECT_EQ(opened.error().text().find(std::string(backend.traits.scheme) + ": "), 0U) << opened.error();
      expect_left_out(opened.error(), {std::string(backend.option), std::string(backend.package)});
    }
  }
  EXPECT_EQ(left_out["hdf5"], "LOCUM_WITH_HDF5");
  EXPECT_EQ(left_out["rocksdb"], "LOCUM_WITH_ROCKSDB");
  for (const char* const secured : {"memcacheds", "rediss", "valkeys"}) {
    EXPECT_EQ(left_out[secured], "LOCUM_WITH_TLS");
  }
  EXPECT_TRUE(open("simple:")) << "the others are there";
}

TEST(LeftOut, WrappersNameTheirOptionAndPackage) {
  for (const auto& [url, part] : std::map<std::string, Part>{
           {"zstd+simple:", {"LOCUM_WITH_ZSTD", "libzstd-dev"}},
           {"lz4+simple:", {"LOCUM_WITH_LZ4", "liblz4-dev"}},
           {"encrypt+simple:?encrypt.key=env:HOME", {"LOCUM_WITH_SODIUM", "libsodium-dev"}}}) {
    const auto opened = open(url);
    ASSERT_FALSE(opened) << url;
    expect_left_out(opened.error(), part);
  }
}

TEST(LeftOut, CodecsOfZarrNameTheirOptionAndPackage) {
  for (const auto& [name, part] : std::map<std::string, Part>{{"blosc", {"LOCUM_WITH_BLOSC", "libblosc-dev"}},
                                                              {"crc32", {"LOCUM_WITH_ZLIB", "zlib1g-dev"}},
                                                              {"gzip", {"LOCUM_WITH_ZLIB", "zlib1g-dev"}},
                                                              {"lz4", {"LOCUM_WITH_LZ4", "liblz4-dev"}},
                                                              {"zlib", {"LOCUM_WITH_ZLIB", "zlib1g-dev"}},
                                                              {"zstd", {"LOCUM_WITH_ZSTD", "libzstd-dev"}}}) {
    const Record described = Record::members({{"id", name}});
    for (const auto& made : {storage::bytes_codec_of_text(name + "(1)", 8).error(),
                             storage::bytes_codec_of_v2(described, 8).error(),
                             storage::bytes_codec_of_v3("numcodecs." + name, 8).error()}) {
      expect_left_out(made, part);
      EXPECT_EQ(made.text().find("the codec " + name + ": "), 0U) << made;
    }
  }
  EXPECT_TRUE(storage::bytes_codec_of_text("crc32c", 8)) << "the others are there";
}

TEST(LeftOut, TheTableOfExperimentsNamesItsOptionAndPackage) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path());
  Experiment made(files, "e");
  made["parameters"] = {{"dt", 0.1}};
  made.persist().value();
  const Experiments all(files);
  const auto rebuilt = all.rebuild();
  ASSERT_FALSE(rebuilt);
  expect_left_out(rebuilt.error(), {"LOCUM_WITH_SQLITE", "libsqlite3-dev"});
  EXPECT_EQ(all.list({.where = {{.parameter = "dt", .equals = 0.1}}, .status = {}}).value().size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/experiments.sqlite"));
}

TEST(LeftOut, TablesOfStoresNameTheirOptionAndPackage) {
  const auto read = parse_configuration("[stores.a]\n", "a.toml");
  ASSERT_FALSE(read);
  expect_left_out(read.error(), {"LOCUM_WITH_TOML", "libtomlplusplus-dev"});
}

}  // namespace
}  // namespace locum::tests

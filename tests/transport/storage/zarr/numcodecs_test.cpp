// The codecs of Zarr against numcodecs, whose bytes are those of files.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zarr/codec_samples.hpp"

namespace locum::tests::of_numcodecs {
namespace {

/// A line of index.txt: a name, and members `id=zstd level=3 checksum=true`.
struct CodedSample {
  std::string name;
  Record described = Record::members({});
};

std::vector<CodedSample> read_samples(const std::string& folder) {
  std::vector<CodedSample> samples;
  std::ifstream in(folder + "/index.txt");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    CodedSample& sample = samples.emplace_back();
    words >> sample.name;
    for (std::string word; words >> word;) {
      const std::size_t equals = word.find('=');
      const std::string value = word.substr(equals + 1);
      const bool is_text = value.find_first_not_of("-0123456789") != std::string::npos;
      sample.described.set(word.substr(0, equals), is_text ? Record(value) : Record(std::stoi(value)));
    }
  }
  return samples;
}

TEST(ZarrCodecs, DecodeWhatNumcodecsWrote) {
  const std::string python = python_with("numpy, numcodecs");
  if (python.empty()) {
    GTEST_SKIP() << "there is no python3 with numcodecs (Debian: python3-numcodecs)";
  }
  const TemporaryFolder folder;
  ASSERT_TRUE(run_script(python, "codecs_check.py", "write " + folder.path()));
  std::size_t checked = 0;
  for (const CodedSample& sample : read_samples(folder.path())) {
    SCOPED_TRACE(sample.name);
    const auto codec = storage::bytes_codec_of_v2(sample.described, 8);
    if (!codec && codec.error().code() == Errc::unsupported) {
      std::cout << sample.name << " is skipped: " << codec.error().text() << '\n';
      continue;
    }
    ASSERT_TRUE(codec) << codec.error();
    const auto plain = bytes_of_file(folder.path() + "/" + sample.name + ".bin");
    const auto coded = bytes_of_file(folder.path() + "/" + sample.name + ".coded");
    const auto decoded = (*codec)->decode(coded, plain.size() + 1000);
    ASSERT_TRUE(decoded) << decoded.error();
    EXPECT_TRUE(*decoded == plain);
    std::vector<std::byte> exactly(plain.size());
    EXPECT_TRUE((*codec)->decode(coded, std::span(exactly)));
    EXPECT_TRUE(exactly == plain);
    EXPECT_EQ((*codec)->described(2).value(), sample.described);
    ++checked;
  }
  EXPECT_GT(checked, 0U);
}

TEST(ZarrCodecs, AreDecodedByNumcodecs) {
  const std::string python = python_with("numpy, numcodecs");
  if (python.empty()) {
    GTEST_SKIP() << "there is no python3 with numcodecs (Debian: python3-numcodecs)";
  }
  const TemporaryFolder folder;
  std::ofstream index(folder.path() + "/index.txt");
  std::size_t count = 0;
  for (const std::string& text : texts_of_codecs()) {
    if (text.find("location") != std::string::npos) {
      continue;  // that of Debian 12 has no such member
    }
    for (const Sample kind : {Sample::zeros, Sample::smooth, Sample::random}) {
      for (const std::size_t size_bytes : {1U, 13U, 4096U, 300'001U}) {
        const auto codec = codec_of(text);
        const auto plain = sample_bytes(kind, size_bytes);
        const std::string name = "sample" + std::to_string(count++);
        write_file(folder.path() + "/" + name + ".bin", plain);
        write_file(folder.path() + "/" + name + ".coded", codec->encode(plain).value());
        index << name;
        const Record described = codec->described(2).value();
        for (const auto& [member, value] : described.members()) {
          if (value.kind() == Record::Kind::text) {
            index << ' ' << member << '=' << value.text();
          } else if (member != "checksum" && member != "typesize") {  // later versions have them
            index << ' ' << member << '=' << value;
          }
        }
        index << '\n';
      }
    }
  }
  index.close();
  EXPECT_TRUE(run_script(python, "codecs_check.py", "read " + folder.path()));
}

}  // namespace
}  // namespace locum::tests::of_numcodecs

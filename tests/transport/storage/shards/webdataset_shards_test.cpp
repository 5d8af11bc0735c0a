// Shards of WebDataset: archives of tar.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/shards/foreign_samples.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zarr/counting_area.hpp"
#include "transport/storage/shards/formats/webdataset_shards.hpp"

namespace locum::tests {
namespace {

using namespace std::literals;

std::string octal(std::uint64_t number, int digits) {
  std::string text;
  for (; digits > 0; --digits, number >>= 3U) {
    text.insert(text.begin(), static_cast<char>('0' + (number & 7U)));
  }
  return text;
}

std::string in_blocks(std::string bytes) {
  bytes.resize((bytes.size() + 511) / 512 * 512);
  return bytes;
}

struct TarHeader {
  std::string name;
  char type = '0';
  std::string magic = "ustar\00000"s;
  std::string size{};  ///< empty: that of the bytes
  std::string prefix{};
  bool is_signed = false;
};

/// Returns a file of an archive, as POSIX describes it: a header of 512 bytes and the bytes, in blocks.
std::string tar_file(const TarHeader& told, const std::string& bytes) {
  std::string header(512, '\0');
  header.replace(0, told.name.size(), told.name);
  header.replace(100, 8, "0000644\0"s);
  header.replace(124, 12, told.size.empty() ? octal(bytes.size(), 11) + '\0' : told.size);
  header.replace(136, 12, octal(1000000000, 11) + '\0');
  header[156] = told.type;
  header.replace(257, 8, told.magic);
  header.replace(345, told.prefix.size(), told.prefix);
  header.replace(148, 8, "        ");
  std::int64_t sum = 0;
  for (const char byte : header) {
    sum +=
        told.is_signed ? static_cast<signed char>(byte) : static_cast<int>(static_cast<unsigned char>(byte));
  }
  header.replace(148, 8, octal(static_cast<std::uint64_t>(sum), 6) + "\0 "s);
  return header + in_blocks(bytes);
}
std::string tar_file(const std::string& name, const std::string& bytes) {
  return tar_file(TarHeader{.name = name}, bytes);
}
/// Returns the mark of the end.
std::string tar_end(std::size_t blocks = 2) {
  return std::string(blocks * 512, '\0');
}
/// Returns an extended header of POSIX, with one line.
std::string pax(const std::string& name, const std::string& value, char type = 'x') {
  std::string line = ' ' + name + '=' + value + '\n';
  std::size_t length = line.size() + 1;
  while (std::to_string(length).size() + line.size() != length) {
    ++length;
  }
  return tar_file(TarHeader{.name = "PaxHeaders/x", .type = type}, std::to_string(length) + line);
}

class WebdatasetShards : public ::testing::Test {
 protected:
  [[nodiscard]] std::string at(const std::string& name) const { return folder_.path() + '/' + name; }
  /// Returns the samples of an archive.
  [[nodiscard]] Result<std::vector<Record>> samples(const std::string& archive) const {
    write_bytes(at("a.tar"), archive);
    return only_samples(folder_.path());
  }
  /// Returns the error of an archive.
  [[nodiscard]] Errc code(const std::string& archive) const { return code_of(samples(archive)); }
  [[nodiscard]] static Record bytes(std::string_view text) {
    const auto all = std::as_bytes(std::span(text));
    return Record::Bytes(all.begin(), all.end());
  }

  TemporaryFolder folder_;
};

TEST_F(WebdatasetShards, AreFilesWithOneKeySideBySide) {
  std::string npy = "\x93NUMPY\x01\x00\x76\x00{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }"s;
  npy.resize(127, ' ');
  npy += "\n\x01\x00\xFF\xFF"s;
  const std::string archive =
      tar_file("__info__", "about") + tar_file("__info__/x.json", "{}") +
      tar_file(TarHeader{.name = "d/", .type = '5', .size = "00000000777\0"s}, "") +
      tar_file("d/a.b.jpg", "\xFF\xD8") + tar_file("d/a.JPG", "") + tar_file("d/a.cls", " 7\n") +
      tar_file("d/README", "no dot") + tar_file("d/.hidden.txt", "hidden") +
      tar_file(TarHeader{.name = "d/a.lnk", .type = '2'}, "") + tar_file("d/a.json", "{\"n\": [1, 0.5]}") +
      tar_file("d/a.left.txt", "h\xC3\xA9") + tar_file("d/a.x.npy", npy) + tar_file("a.cls", "-3") +
      tar_file("d/a.cls", "8") + tar_file("e.f/a.id", "0") + tar_end();
  const auto all = samples(archive);
  ASSERT_TRUE(all) << all.error();
  ASSERT_EQ(all->size(), 4U);
  EXPECT_EQ((*all)[0], (Record{{"__key__", "d/a"},
                               {"b.jpg", bytes("\xFF\xD8")},
                               {"jpg", bytes("")},
                               {"cls", 7},
                               {"json", {{"n", Record::list({1, 0.5})}}},
                               {"left.txt", "h\xC3\xA9"},
                               {"x.npy", Record(std::vector<std::int16_t>{1, -1})}}));
  EXPECT_EQ((*all)[1], (Record{{"__key__", "a"}, {"cls", -3}}));
  EXPECT_EQ((*all)[2], (Record{{"__key__", "d/a"}, {"cls", 8}}));
  EXPECT_EQ((*all)[3], (Record{{"__key__", "e.f/a"}, {"id", bytes("0")}}));
  const auto shards = storage::open_foreign_shards(area_of(folder_.path()), "", "webdataset").value();
  expect_any_order(*shards, "a");
  EXPECT_EQ(shards->index({}).value().at(0).samples, 4U);
  EXPECT_EQ(code_of(shards->create("b")), Errc::unsupported);
  EXPECT_EQ(code_of(shards->remove("a", {})), Errc::unsupported);
}

TEST_F(WebdatasetShards, OfAllFormsOfHeadersAreRead) {
  const std::string deep(180, 'd');
  const std::string long_name = deep + "/k.bin";
  const auto is_read = [&](const std::string& file, const std::string& key) {
    const auto all = samples(file + tar_end());
    ASSERT_TRUE(all) << all.error();
    ASSERT_EQ(all->size(), 1U);
    EXPECT_EQ((*all)[0], (Record{{"__key__", key}, {"bin", bytes("xyz")}}));
  };
  is_read(tar_file(TarHeader{.name = "k.bin", .prefix = deep.substr(0, 150)}, "xyz"),
          deep.substr(0, 150) + "/k");
  is_read(tar_file(TarHeader{.name = "k.bin", .magic = "ustar  \0"s, .prefix = "123"}, "xyz"), "k");
  is_read(tar_file(TarHeader{.name = "k.bin", .type = '\0', .magic = std::string(8, '\0')}, "xyz"), "k");
  is_read(tar_file(TarHeader{.name = "k.bin", .type = '7'}, "xyz"), "k");
  is_read(tar_file(TarHeader{.name = "k.bin", .size = "         3 \0"s}, "xyz"), "k");
  is_read(tar_file(TarHeader{.name = "k.bin", .size = "\x80" + std::string(10, '\0') + '\3'}, "xyz"), "k");
  is_read(tar_file(TarHeader{.name = "k\xC3\xA9.bin", .is_signed = true}, "xyz"), "k\xC3\xA9");
  is_read(
      tar_file(TarHeader{.name = "././@LongLink", .type = 'L'}, long_name + '\0') + tar_file("short", "xyz"),
      deep + "/k");
  is_read(
      tar_file(TarHeader{.name = "././@LongLink", .type = 'K'}, long_name + '\0') + tar_file("k.bin", "xyz"),
      "k");
  is_read(pax("path", long_name) + tar_file("short", "xyz"), deep + "/k");
  is_read(pax("comment", "none", 'g') + pax("size", "3") +
              tar_file(TarHeader{.name = "k.bin", .size = "00000000000\0"s}, "xyz"),
          "k");
  is_read(pax("mtime", "1.5") + tar_file("k.bin", "xyz"), "k");
  // One block of zeros is a mark of the end for Python's tarfile, too.
  write_bytes(at("a.tar"), tar_file("k.bin", "xyz") + tar_end(1));
  EXPECT_EQ(only_samples(folder_.path()).value().size(), 1U);
  EXPECT_TRUE(samples(tar_end()).value().empty());
}

TEST_F(WebdatasetShards, ThatAreWrongAreRefused) {
  const std::string file = tar_file("k.bin", "xyz");
  EXPECT_EQ(code(""), Errc::corrupt);
  EXPECT_EQ(code(file), Errc::corrupt);  // no mark of the end: it may have been cut off
  EXPECT_EQ(code(file + file + tar_end()), Errc::corrupt);
  EXPECT_EQ(code(file + tar_file("k.BIN", "") + tar_end()), Errc::corrupt);
  EXPECT_EQ(code(tar_file("k.__key__", "") + tar_end()), Errc::corrupt);
  EXPECT_EQ(code(file + tar_end() + file + tar_end()), Errc::unsupported);
  EXPECT_EQ(code(tar_file(TarHeader{.name = "k.bin", .type = 'S'}, "xyz") + tar_end()), Errc::unsupported);
  EXPECT_EQ(code(pax("GNU.sparse.major", "1") + file + tar_end()), Errc::unsupported);
  EXPECT_EQ(code(pax("path", "x.y", 'g') + file + tar_end()), Errc::unsupported);
  EXPECT_EQ(code(pax("path", "x.y") + tar_end()), Errc::corrupt);
  EXPECT_EQ(code(pax("path", std::string(5000, 'x')) + file + tar_end()), Errc::unsupported);
  EXPECT_EQ(code(pax("path", "a\0b"s) + file + tar_end()), Errc::unsupported);
  EXPECT_EQ(code(pax("path", "\xFF.b") + file + tar_end()), Errc::unsupported);
  EXPECT_EQ(code(pax("size", "-1") + file + tar_end()), Errc::corrupt);
  EXPECT_EQ(code(pax("size", "18446744073709551615") + file + tar_end()), Errc::unsupported);
  EXPECT_EQ(code(pax("size", "4000000000000000000") + file + tar_end()), Errc::corrupt);
  for (const char* line : {"5 a\n", "99 a=b\n", "0 a=b\n", "x a=b\n", "6 a=bc", "6  a=b\n1"}) {
    EXPECT_EQ(code(tar_file(TarHeader{.name = "x", .type = 'x'}, line) + file + tar_end()), Errc::corrupt)
        << line;
  }
  for (const std::string& size : {"00000000009\0"s, "77777777777\0"s, "0000000000x\0"s,
                                  std::string(12, '\xFF'), "\x80\x00\x00\x00"s + std::string(8, '\x7F')}) {
    EXPECT_EQ(code(tar_file(TarHeader{.name = "k.bin", .size = size}, "") + tar_end(1)), Errc::corrupt);
  }
  EXPECT_EQ(code(tar_file(TarHeader{.name = "x", .type = 'L', .size = "00100000000\0"s}, "") + tar_end()),
            Errc::unsupported);
  for (const auto& [name, text] :
       {std::pair{"k.json", "{"}, {"k.txt", "\xFF"}, {"k.cls", "x"}, {"k.cls", ""}, {"k.npy", "\x93NUMPY"}}) {
    const auto all = samples(tar_file(name, text) + tar_end());
    EXPECT_EQ(code_of(all), Errc::corrupt) << name;
    EXPECT_NE(std::string(all.error().what()).find("of 'k'"), std::string::npos) << all.error();
  }
}

TEST_F(WebdatasetShards, TakeOneReadASample) {
  std::string archive;
  for (int number = 0; number < 100; ++number) {
    const std::string key = "k" + std::to_string(number);
    archive += tar_file(key + ".bin", std::string(static_cast<std::size_t>(number) * 100, 'x')) +
               tar_file(key + ".cls", std::to_string(number));
  }
  archive += tar_end();
  // Between the files of the last one, something large that is no field.
  archive.insert(archive.size() - 2048, tar_file("LARGE", std::string(200000, 'x')));
  write_bytes(at("a.tar"), archive);
  AreaCounts counts;
  const auto shards =
      storage::webdataset_shards(std::make_shared<CountingArea>(area_of(folder_.path()), counts), "");
  const auto shard = shards->open("a", {}).value();
  EXPECT_LE(counts.reads, 202);  // at most one a header
  EXPECT_LT(counts.bytes, archive.size() + 4096 * 10);
  for (const std::uint64_t number : {98U, 0U, 50U}) {
    const int before = counts.reads;
    const std::uint64_t bytes_before = counts.bytes;
    EXPECT_EQ((*shard->sample(number, {}).value().record)["cls"], Record(number));
    EXPECT_EQ(counts.reads, before + 1);
    const std::uint64_t first = (number * 100 + 511) / 512 * 512;
    EXPECT_EQ(counts.bytes - bytes_before, first + 512 + std::to_string(number).size());
  }
  const int before = counts.reads;
  EXPECT_EQ((*shard->sample(99, {}).value().record)["cls"], Record(99));
  EXPECT_EQ(counts.reads, before + 2);
}

TEST_F(WebdatasetShards, HeadersOfLargeFilesAreFoundWithoutThese) {
  std::string archive;
  for (int number = 0; number < 50; ++number) {
    archive += tar_file("k" + std::to_string(number) + ".bin", std::string(100000, 'x'));
  }
  write_bytes(at("a.tar"), archive + tar_end());
  AreaCounts counts;
  const auto shards =
      storage::webdataset_shards(std::make_shared<CountingArea>(area_of(folder_.path()), counts), "");
  EXPECT_EQ(shards->open("a", {}).value()->count(), 50U);
  EXPECT_LE(counts.bytes, 52 * 4096U);
}

TEST_F(WebdatasetShards, ThatAreDamagedAreFound) {
  const std::string archive = pax("path", "d/" + std::string(120, 'x') + ".cls") + tar_file("x", "12") +
                              tar_file("k.json", "{\"a\": [1, 2]}") + tar_file("k.txt", "text") + tar_end();
  const auto expected = samples(archive).value();
  ASSERT_EQ(expected.size(), 2U);
  const auto area = memory_area();
  put_file(*area, "a.tar", archive);
  const auto shards = storage::open_foreign_shards(area, "", "").value();
  const std::size_t needed = archive.size() - 512;
  damage(*area, "a.tar", archive, 5000, [&](const std::string& what, std::optional<std::size_t> size) {
    const auto all = samples_of(*shards, "a");
    if (size && all) {  // of the two blocks of zeros one is enough
      EXPECT_GE(*size, needed) << what;
      EXPECT_EQ(*all, expected) << what;
    }
    EXPECT_TRUE(all || all.error().code() == Errc::corrupt || all.error().code() == Errc::unsupported)
        << what << all.error();
  });
}

// What a checksum would find is not found here: the sums are right.
TEST_F(WebdatasetShards, OfHeadersThatLieAreRefusedOrRead) {
  const std::string archive = pax("path", "d/" + std::string(90, 'x') + ".cls") + tar_file("x", "12") +
                              tar_file(TarHeader{.name = "L", .type = 'L'}, "a.txt\0"s) +
                              tar_file("k", "text") + tar_end();
  const auto area = memory_area();
  std::mt19937 random(23);
  constexpr std::string_view types("0\0001234567xgLKSXDZ", 18);
  int read = 0;
  for (int turn = 0; turn < 20000; ++turn) {
    std::string wild = archive;
    for (std::size_t change = 0; change < 1 + random() % 3; ++change) {
      const std::size_t block = random() % (archive.size() / 512) * 512;
      const std::size_t kind = random() % 4;
      const std::size_t at = block + (kind == 0 ? 156 : kind == 1 ? 124 + random() % 12 : random() % 512);
      wild[at] = kind == 0   ? types[random() % types.size()]
                 : kind == 1 ? static_cast<char>('0' + random() % 8)
                             : static_cast<char>(random() & 0xFFU);
    }
    for (std::size_t block = 0; block < wild.size(); block += 512) {
      if (wild.compare(block + 257, 5, "ustar") == 0) {
        wild.replace(block + 148, 8, "        ");
        std::uint64_t sum = 0;
        for (const char byte : wild.substr(block, 512)) {
          sum += static_cast<unsigned char>(byte);
        }
        wild.replace(block + 148, 8, octal(sum, 6) + "\0 "s);
      }
    }
    put_file(*area, "a.tar", wild);
    const auto all = samples_of(*storage::webdataset_shards(area, ""), "a");
    EXPECT_TRUE(all || all.error().code() == Errc::corrupt || all.error().code() == Errc::unsupported)
        << all.error();
    read += all ? 1 : 0;
  }
  EXPECT_GT(read, 1000);
  EXPECT_LT(read, 19000);
}

TEST_F(WebdatasetShards, InGzipAreRead) {
  if (!has_gzip()) {
    GTEST_SKIP() << no_gzip;
  }
  const std::string archive =
      tar_file("k.txt", std::string(100000, 'x')) + tar_file("l.txt", "y") + tar_end(20);
  write_bytes(at("b.tgz"), stored_gzip(archive));
  write_bytes(at("c.tar.gz"), stored_gzip(archive, 60000));
  const auto shards = storage::open_foreign_shards(area_of(folder_.path()), "", "").value();
  EXPECT_EQ(shards->keys({}, 10, {}).value(), (std::vector<std::string>{"b", "c"}));
  for (const char* key : {"b", "c"}) {
    EXPECT_EQ(samples_of(*shards, key).value().at(1), (Record{{"__key__", "l"}, {"txt", "y"}}));
    expect_any_order(*shards, key);
  }
  std::string cut = stored_gzip(archive);
  write_bytes(at("b.tgz"), cut.substr(0, cut.size() - 1));
  EXPECT_EQ(code_of(shards->open("b", {})), Errc::corrupt);
  cut[cut.size() - 6] = static_cast<char>(cut[cut.size() - 6] ^ 1);
  write_bytes(at("b.tgz"), cut);
  EXPECT_EQ(code_of(shards->open("b", {})), Errc::corrupt);  // the sum
}

TEST_F(WebdatasetShards, OfPythonAreRead) {
  const std::string python = python_with("numpy");
  if (python.empty() || !has_gzip()) {
    GTEST_SKIP() << "there is no python3 with NumPy (Debian 12: python3-numpy), or no zlib in this build";
  }
  ASSERT_TRUE(run_script(python, "shards_check.py", "write webdataset '" + folder_.path() + "'"));
  const Record expected = storage::read_json(read_bytes(at("expected.json"))).value();
  const auto shards = storage::open_foreign_shards(area_of(folder_.path()), "", "").value();
  const auto keys = shards->keys({}, 100, {}).value();
  EXPECT_EQ(keys.size(), 9U);
  for (const std::string& key : keys) {
    const auto all = samples_of(*shards, key);
    ASSERT_TRUE(all) << key << all.error();
    EXPECT_EQ(plain_form(Record::list(*all)), expected[key]) << key;
  }
}

}  // namespace
}  // namespace locum::tests

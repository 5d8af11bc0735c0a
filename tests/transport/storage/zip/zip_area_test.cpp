// Files in an archive of ZIP: what there is, and what is read of it.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <locum/files.hpp>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zip/zip_samples.hpp"

namespace locum::tests {
namespace {

namespace fs = std::filesystem;
using Paths = std::vector<std::string>;

/// A folder with an archive in it.
class ZipFiles : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return folder_.path() + "/a.zip"; }
  [[nodiscard]] std::string url() const { return "zip:" + path(); }
  void write(std::span<const std::byte> bytes) const { write_file(path(), bytes); }
  void open() const { const Files files(url()); }
  [[nodiscard]] std::string error_of_opening() const {
    const auto area = zip_area_of(path());
    return area ? std::string() : std::string(to_string(area.error().code())) + ": " + area.error().text();
  }

  const TemporaryFolder folder_;
};

TEST_F(ZipFiles, AreListedLoadedAndTold) {
  const Files plain("file:" + folder_.path() + "?sync=0");
  const std::vector<double> field{1, 2.5, -3};
  plain.save("run/T.npy", field).value();
  plain.save("run/deep/er/p.npy", array(field.data(), {3, 1})).value();
  plain.save("run/config.json", Record({{"dt", 0.1}})).value();
  plain.save("run/t.csv", Record({{"x", field}})).value();
  plain.save("run/notes.txt", "as ever").value();
  plain.make_dirs("run/none").value();
  plain.pack("run", "a.zip").value();

  const Files files(url());
  EXPECT_EQ(files.list().value(), (Paths{"T.npy", "config.json", "notes.txt", "t.csv"}));
  EXPECT_EQ(files.list({}, {.pattern = "*.[jt]*"}).value(), (Paths{"config.json", "notes.txt"}));
  EXPECT_EQ(files.list({}, {.recursive = true}).value(),
            (Paths{"T.npy", "config.json", "deep/er/p.npy", "notes.txt", "t.csv"}));
  EXPECT_EQ(files.list({}, {.pattern = "[dn]*", .folders = true}).value(),
            (Paths{"deep", "none", "notes.txt"}));
  EXPECT_EQ(files.list("deep", {.folders = true}).value(), Paths{"deep/er"});
  EXPECT_EQ(files.list("none").value(), Paths());
  EXPECT_EQ(code_of(files.list("dee")), Errc::not_found);
  EXPECT_EQ(code_of(files.list("T.npy")), Errc::not_found);
  EXPECT_TRUE(files.is_dir("deep/er").value());
  EXPECT_TRUE(files.is_dir("none").value());
  EXPECT_TRUE(files.is_dir("").value());
  EXPECT_TRUE(files.is_file("./deep//er/p.npy").value());
  EXPECT_FALSE(files.exists("deep/e").value());

  const auto view = files.load<double[]>("T.npy");
  ASSERT_TRUE(view) << view.error();
  EXPECT_EQ(std::vector<double>(view->begin(), view->end()), field);
  EXPECT_EQ(files.load("config.json").value(), Record({{"dt", 0.1}}));
  EXPECT_EQ(files.load("t.csv").value().get<std::vector<double>>("x").value(), field);
  EXPECT_EQ(files.load<std::string>("notes.txt").value(), "as ever");
  EXPECT_EQ(files.load_async("deep/er/p.npy").get().value().array().extents(), Extents(3, 1));
  EXPECT_EQ(files.proxy<double[]>("T.npy").value().get().value()[1], 2.5);
  const auto all = files.load_batch(Paths{"notes.txt", "nothing.txt"});
  EXPECT_EQ(all[0].value().text(), "as ever");
  EXPECT_EQ(code_of(all[1]), Errc::not_found);
  EXPECT_EQ(code_of(files.load("deep", {.format = "text"})), Errc::invalid_argument);
  EXPECT_EQ(files.info("T.npy").value()["type"].text(), "f64");
  EXPECT_EQ(files.info("T.npy").value().get<std::uint64_t>("bytes").value(),
            fs::file_size(folder_.path() + "/run/T.npy"));

  const Record mapped = files.load("T.npy", {.map = true}).value();
  EXPECT_EQ(mapped.array(), Array(field));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mapped.array().data()) % 64, 0U);

  const Files added("memory:");
  added.add("packed", url()).value();
  EXPECT_EQ(added.load<std::string>("notes.txt", {.backend = "packed"}).value(), "as ever");
}

TEST_F(ZipFiles, HoldEveryFormat) {
  const Files plain("file:" + folder_.path() + "?sync=0");
  const std::vector<double> field{1, 2.5, -3};
  for (const char* const name : {"T.h5", "T.npz", "T.msgpack", "T.record", "T.tif", "T.zarr", "T.json"}) {
    const std::string_view view(name);
    const Record value = view == "T.tif" ? Record(array(field.data(), {1, 3})) : Record({{"x", field}});
    const auto saved = plain.save(std::string("run/") + name, view == "T.zarr" ? Record(field) : value);
    ASSERT_TRUE(saved || saved.error().code() == Errc::unsupported) << saved.error();
    if (!saved) {
      continue;
    }
    const Record expected = plain.load(std::string("run/") + name).value();
    plain.pack("run", "a.zip").value();
    const auto loaded = Files(url()).load(name);
    ASSERT_TRUE(loaded) << loaded.error();
    EXPECT_EQ(*loaded, expected) << name;
  }
}

TEST_F(ZipFiles, AreReadStoredAndDeflated) {
  const std::string text = some_text(100'000);
  for (const int level : {0, 6}) {
    SCOPED_TRACE(level);
    write(zip_of({{"a/t.txt", text}, {"none.txt", ""}}, level));
    const auto area = zip_area_of(path()).value();
    EXPECT_EQ(text_in_area(*area, "a/t.txt").value(), text);
    EXPECT_EQ(text_in_area(*area, "none.txt").value(), "");
    const auto file = area->open("a/t.txt", {}).value();
    for (const std::size_t at : {std::size_t{99'990}, std::size_t{5}, std::size_t{0}}) {
      std::string part(10, '\0');
      file->read(at, std::as_writable_bytes(std::span(part))).value();
      EXPECT_EQ(part, text.substr(at, 10));
    }
    std::string beyond(11, '\0');
    EXPECT_EQ(code_of(file->read(99'990, std::as_writable_bytes(std::span(beyond)))), Errc::corrupt);
    EXPECT_EQ(code_of(file->read(~std::uint64_t{0}, std::as_writable_bytes(std::span(beyond)))),
              Errc::corrupt);
    const auto all = file->in_place().value();
    EXPECT_TRUE(std::ranges::equal(all.bytes, std::as_bytes(std::span(text))));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(all.bytes.data()) % 64, 0U);
    EXPECT_TRUE(file->is_unchanged());
    EXPECT_EQ(area->open("none.txt", {}).value()->in_place().value().bytes.size(), 0U);
    EXPECT_EQ(code_of(area->open("a/t.txt", {.maps = true})), level == 0 ? Errc{} : Errc::unsupported);
  }
}

TEST_F(ZipFiles, OfStoredMembersArePartlyReadWithoutTheRest) {
  const std::string text = some_text(20'000);
  std::vector<std::byte> bytes = zip_of({{"t.bin", text}});
  const auto begin = std::search(bytes.begin(), bytes.end(), std::as_bytes(std::span(text)).begin(),
                                 std::as_bytes(std::span(text)).end());
  ASSERT_NE(begin, bytes.end());
  begin[15'000] ^= std::byte{1};  // which only the checksum of all tells
  write(bytes);
  const auto area = zip_area_of(path()).value();
  const auto file = area->open("t.bin", {}).value();
  std::string part(5'000, '\0');
  file->read(9'000, std::as_writable_bytes(std::span(part))).value();
  EXPECT_EQ(part, text.substr(9'000, 5'000));
  const auto all = text_in_area(*area, "t.bin");
  ASSERT_EQ(code_of(all), Errc::corrupt);
  EXPECT_NE(all.error().text().find("checksum"), std::string::npos);
}

TEST_F(ZipFiles, AreReadByThreadsInPieces) {
  const std::string text = some_text((std::size_t{17} << 20U) + 3);
  write(zip_of({{"t.bin", text}}));
  const auto area = zip_area_of(path()).value();
  EXPECT_EQ(text_in_area(*area, "t.bin").value(), text);
  const auto file = area->open("t.bin", {}).value();
  std::string most(text.size() - 1, '\0');
  file->read(1, std::as_writable_bytes(std::span(most))).value();
  EXPECT_EQ(most, text.substr(1));
  std::fstream(path(), std::ios::in | std::ios::out | std::ios::binary).seekp(1 << 24U) << "XY";
  EXPECT_EQ(code_of(text_in_area(*zip_area_of(path()).value(), "t.bin")), Errc::corrupt);
  write(zip_of({{"t.bin", text.substr(0, std::size_t{9} << 20U)}}));  // more than a piece, and not two
  EXPECT_EQ(text_in_area(*zip_area_of(path()).value(), "t.bin").value(),
            text.substr(0, std::size_t{9} << 20U));
  std::vector<std::thread> threads;
  write(zip_of({{"t.bin", text.substr(0, 100'000)}}, 6));
  const auto deflated = zip_area_of(path()).value();
  const auto shared = deflated->open("t.bin", {}).value();
  for (std::size_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      std::string part(25'000, '\0');
      shared->read(25'000 * thread, std::as_writable_bytes(std::span(part))).value();
      EXPECT_EQ(part, text.substr(25'000 * thread, 25'000));
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST_F(ZipFiles, ThatBeginAtOddBytesAreNotMapped) {
  auto bytes = zip_of({{"t.bin", some_text(1000)}});
  bytes[28] ^= std::byte{1};  // the length of the extra field of the local header
  write(bytes);
  const auto mapped = zip_area_of(path()).value()->open("t.bin", {.maps = true});
  ASSERT_EQ(code_of(mapped), Errc::unsupported);
  EXPECT_NE(mapped.error().text().find("no multiple of 64"), std::string::npos);
}

TEST_F(ZipFiles, AreNeverChanged) {
  write(zip_of({{"a/t.txt", "as ever"}}));
  const std::vector<std::byte> before = bytes_of_file(path());
  const Files files(url());
  const auto refused = [](const auto& result) {
    return !result && result.error().code() == Errc::unsupported &&
           result.error().text().find("pack of Files") != std::string::npos;
  };
  EXPECT_TRUE(refused(files.save("b.txt", "more")));
  EXPECT_TRUE(refused(files.save("a/t.txt", "other")));
  EXPECT_TRUE(refused(files.remove("a/t.txt")));
  EXPECT_TRUE(refused(files.make_dirs("b")));
  EXPECT_TRUE(refused(files.copy("a/t.txt", "b.txt")));
  EXPECT_TRUE(refused(files.pack("a", "b.zip")));
  const auto area = zip_area_of(path()).value();
  EXPECT_TRUE(refused(area->update({.folder = "a", .name = "t.txt"},
                                   [](storage::AreaFile*, FileDraft&) { return Result<void>(); }, {})));
  EXPECT_EQ(bytes_of_file(path()), before);
}

TEST_F(ZipFiles, HaveFoldersThatNamesImply) {
  // In the order of bytes '-' and '.' come before '/', and '0' behind it.
  write(zip_of({{"a/b/c.txt", "1"},
                {"a-b", "2"},
                {"a.b", "3"},
                {"a0", "4"},
                {"a/", ""},
                {"e/f/", ""},
                {"./g//./h.txt", "5"},
                {"a/b.txt", "6"},
                {"\xC3\xA4/x", "7"}}));
  const auto area = zip_area_of(path()).value();
  const auto names = [&](const std::string& folder) {
    std::string all;
    for (const storage::AreaEntry& entry : area->list(folder).value()) {
      all += entry.name + (entry.is_folder ? "/ " : " ");
    }
    return all;
  };
  EXPECT_EQ(names(""), "a/ a-b a.b a0 e/ g/ \xC3\xA4/ ");
  EXPECT_EQ(names("a"), "b/ b.txt ");
  EXPECT_EQ(names("e"), "f/ ");
  EXPECT_EQ(names("e/f"), "");
  EXPECT_EQ(names("g"), "h.txt ");
  EXPECT_EQ(text_in_area(*area, "g/h.txt").value(), "5");
  EXPECT_EQ(text_in_area(*area, "a0").value(), "4");
  EXPECT_EQ(code_of(area->open("a", {})), Errc::invalid_argument);
  EXPECT_EQ(code_of(area->open("a", {.tells_folders = false})), Errc::not_found);
  EXPECT_EQ(code_of(area->open("", {})), Errc::invalid_argument);
  EXPECT_EQ(code_of(area->open("a/b/", {})), Errc::not_found);
  EXPECT_EQ(code_of(area->facts("a/c")), Errc::not_found);
}

TEST_F(ZipFiles, HaveTheLastMemberOfAName) {
  write(zip_of(
      {{"t.txt", "old"}, {"u.txt", "u"}, {"t.txt", "older"}, {"./t.txt", "new"}, {"a/", ""}, {"a/", ""}}));
  const auto area = zip_area_of(path()).value();
  EXPECT_EQ(text_in_area(*area, "t.txt").value(), "new");
  EXPECT_EQ(area->list("").value().size(), 3U);
}

TEST_F(ZipFiles, WithNamesThatLeadOutAreRefused) {
  const std::vector<std::pair<std::string, std::string>> wrong{{"../t.txt", "leads out"},
                                                               {"a/../t.txt", "'..'"},
                                                               {"a/..", "'..'"},
                                                               {"/t.txt", "begins with '/'"},
                                                               {".", "that of a folder"}};
  for (const auto& [name, reason] : wrong) {
    write(zip_of({{"good.txt", "1"}, {name, "2"}}));
    const std::string error = error_of_opening();
    EXPECT_NE(error.find("corrupt"), std::string::npos) << error;
    EXPECT_NE(error.find('\'' + name + '\''), std::string::npos) << error;
    EXPECT_NE(error.find(reason), std::string::npos) << error;
    EXPECT_THROW(open(), Error);
  }
  auto bytes = zip_of({{"good.txt", "1"}, {"wrong.txt", "2"}});
  replace_in_zip(bytes, "wrong.txt", std::string("wr\0ng.txt", 9));
  write(bytes);
  EXPECT_NE(error_of_opening().find("wrong characters"), std::string::npos) << error_of_opening();
  write(zip_of({{"a", "1"}, {"a-", "2"}, {"a/b", "3"}}));
  EXPECT_NE(error_of_opening().find("is a file, and a folder"), std::string::npos) << error_of_opening();
  write(zip_of({{"a/b/", ""}, {"a/b", "3"}}));
  EXPECT_NE(error_of_opening().find("is a file, and a folder"), std::string::npos) << error_of_opening();
  write(zip_of({{std::string(4097, 'n'), "1"}}));
  EXPECT_NE(error_of_opening().find("unsupported"), std::string::npos) << error_of_opening();
}

TEST_F(ZipFiles, MayBeDeepAndMany) {
  std::string deep;
  while (deep.size() < 4000) {
    deep += "d/";
  }
  ZipMembers members;
  for (int number = 0; number < 70'000; ++number) {  // more than a record without zip64 tells
    members.emplace_back("c/" + std::to_string(number % 300) + '/' + std::to_string(number), "x");
  }
  members.emplace_back(deep + "t.txt", "deep");
  write(zip_of(members));
  const Files files(url());
  EXPECT_EQ(files.list("c", {.recursive = true}).value().size(), 70'000U);
  EXPECT_EQ(files.list("c/7", {.pattern = "7"}).value(), Paths{"c/7/7"});
  EXPECT_EQ(files.load<std::string>(deep + "t.txt").value(), "deep");
  EXPECT_EQ(files.list({}, {.folders = true}).value(), (Paths{"c", "d"}));
}

TEST_F(ZipFiles, AreThoseOfTheArchiveThatWasOpened) {
  write(zip_of({{"t.txt", "old"}}));
  const Files files(url());
  EXPECT_EQ(files.load<std::string>("t.txt").value(), "old");
  const std::string other = folder_.path() + "/other";
  write_file(other, zip_of({{"t.txt", "new"}, {"u.txt", "more"}}));
  fs::rename(other, path());
  EXPECT_EQ(files.load<std::string>("t.txt").value(), "old");
  EXPECT_FALSE(files.exists("u.txt").value());
  EXPECT_EQ(Files(url()).load<std::string>("t.txt").value(), "new");
  fs::remove(path());
  EXPECT_EQ(files.load<std::string>("t.txt").value(), "old");
  EXPECT_THROW(open(), Error);
}

TEST_F(ZipFiles, OfAnArchiveThatIsChangedInPlaceAreStale) {
  write(zip_of({{"t.txt", "old"}}));
  const Files files(url());
  const auto area = zip_area_of(path()).value();
  const auto open = area->open("t.txt", {}).value();
  EXPECT_TRUE(open->is_unchanged());
  std::fstream(path(), std::ios::app) << "more";
  EXPECT_FALSE(open->is_unchanged());
  EXPECT_EQ(code_of(files.load("t.txt")), Errc::stale);
  EXPECT_EQ(code_of(files.list()), Errc::stale);
  EXPECT_EQ(code_of(files.exists("u.txt")), Errc::stale);
  EXPECT_EQ(code_of(area->open("u.txt", {.tells_folders = false})), Errc::stale);  // not not_found
  write(zip_of({{"t.txt", "new"}}));
  const auto removed = zip_area_of(path()).value();
  std::fstream writer(path(), std::ios::in | std::ios::out | std::ios::binary);
  fs::remove(path());
  EXPECT_EQ(text_in_area(*removed, "t.txt").value(), "new");
  writer.seekp(0, std::ios::end) << "more" << std::flush;
  EXPECT_EQ(code_of(text_in_area(*removed, "t.txt")), Errc::stale);
}

TEST_F(ZipFiles, OfAnArchiveThatIsCutAreCorrupt) {
  write(zip_of({{"t.txt", "old"}}));
  const auto open = zip_area_of(path()).value()->open("t.txt", {}).value();
  fs::resize_file(path(), 40);
  std::string part(3, '\0');
  EXPECT_EQ(code_of(open->read(0, std::as_writable_bytes(std::span(part)))), Errc::corrupt);
}

TEST_F(ZipFiles, AreOfUrlsOfTheirOwn) {
  const auto text_of = [](const std::string& url) {
    try {
      const Files files(url);
    } catch (const Error& error) {
      return std::string(to_string(error.code())) + ": " + error.text();
    }
    return std::string();
  };
  write(zip_of({{"t.txt", "1"}}));
  EXPECT_EQ(text_of(url()), "");
  EXPECT_EQ(text_of("zip://" + path()), "");
  EXPECT_NE(text_of("zip://data/a.zip").find("invalid_argument: zip: has no hosts"), std::string::npos);
  EXPECT_NE(text_of("zip:").find("invalid_argument"), std::string::npos);
  EXPECT_NE(text_of(url() + "?sync=0").find("invalid_argument"), std::string::npos)
      << text_of(url() + "?sync=0");
  EXPECT_NE(text_of("cache+" + url()).find("no wrapper"), std::string::npos);
  EXPECT_NE(text_of(url() + "x").find("not_found: there is no archive"), std::string::npos);
  EXPECT_NE(text_of("zip:" + folder_.path()).find("is no file"), std::string::npos);
  write_file(path(), std::vector<std::byte>());
  EXPECT_NE(text_of(url()).find("corrupt"), std::string::npos);
  write(zip_of({}));
  EXPECT_EQ(Files(url()).list().value(), Paths());
}

}  // namespace
}  // namespace locum::tests

// Packs of which bytes are missing or wrong: what is there is read, or the error says so.

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/shm/child.hpp"
#include "tests/transport/storage/pack_samples.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/pack/format.hpp"

namespace locum::tests {
namespace {

/// What is stored, one after the other.
struct Step {
  const char* name;
  std::string text;
};

const std::vector<Step>& all_steps() {
  static const std::vector<Step> steps{
      {"a", "first"}, {"b", std::string(100, 'b')}, {"a", "second"}, {"c", ""}, {"b", std::string(70, 'B')}};
  return steps;
}

class PackDamage : public ::testing::Test {
 protected:
  /// The file of a process that stored all steps, and was killed or closed it.
  std::string bytes_of(bool killed) {
    std::filesystem::remove(path_);
    const Ending ending = in_child([&] {
      const auto pack = pack_of(path_).value();
      for (std::size_t at = 0; at < all_steps().size(); ++at) {
        EXPECT_TRUE(store_text(*pack, {"s", all_steps()[at].name}, all_steps()[at].text, at + 1));
      }
      if (killed) {
        (void)::kill(::getpid(), SIGKILL);
      }
      return std::string();
    });
    EXPECT_EQ(killed ? ending.signal : ending.exit_code, killed ? SIGKILL : 0) << ending.said;
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& bytes) const {
    std::filesystem::remove(path_);  // some file systems wait for the disk when a file is overwritten
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  /// The text of a name after so many steps.
  static std::string after(std::size_t steps, const std::string& name) {
    std::string text = "not_found";
    for (std::size_t at = 0; at < steps; ++at) {
      text = all_steps()[at].name == name ? all_steps()[at].text : text;
    }
    return text;
  }
  /// Whether the pack is as it was after so many steps.
  static bool is_as_after(std::size_t steps, Backend& pack) {
    return load_text(pack, {"s", "a"}) == after(steps, "a") &&
           load_text(pack, {"s", "b"}) == after(steps, "b") &&
           load_text(pack, {"s", "c"}) == after(steps, "c");
  }
  /// Where the records end, in a file that is right.
  static std::vector<std::uint64_t> ends_of(const std::string& bytes) {
    std::vector<std::uint64_t> ends{storage::pack_first_record};
    const auto all = std::as_bytes(std::span(bytes));
    const std::uint64_t salt = storage::read_pack_header(all).value().salt;
    while (ends.back() < bytes.size()) {
      const auto record = storage::read_pack_record(all.subspan(ends.back()), salt, ends.back());
      ends.push_back(record.value().end());
    }
    return ends;
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/run.pack";
  const std::string options_ = "?sync=0";
};

TEST_F(PackDamage, ARecordThatIsNotWholeIsCutOff) {
  const std::string bytes = bytes_of(true);
  const auto ends = ends_of(bytes);
  ASSERT_EQ(ends.size(), all_steps().size() + 1);
  std::size_t whole = 0;
  for (std::size_t size = ends.front(); size <= bytes.size(); ++size) {
    SCOPED_TRACE(size);
    whole += whole < all_steps().size() && size == ends[whole + 1] ? 1 : 0;
    write(bytes.substr(0, size));
    ASSERT_TRUE(is_as_after(whole, *pack_of(path_, "?read=1").value()));
    if (size % 127 == 0 || size == ends[whole] + 64) {  // and goes on there
      const auto pack = pack_of(path_, options_).value();
      ASSERT_TRUE(is_as_after(whole, *pack));
      ASSERT_TRUE(store_text(*pack, {"s", "more"}, "more"));
      ASSERT_EQ(load_text(*pack_of(path_, "?read=1").value(), {"s", "more"}), "more");
    }
  }
  EXPECT_EQ(whole, all_steps().size());
}

TEST_F(PackDamage, AClosedFileThatWasCutSaysSo) {
  const std::string bytes = bytes_of(false);
  const auto ends = ends_of(bytes);
  for (std::size_t size = 0; size < bytes.size(); size += 7) {
    SCOPED_TRACE(size);
    write(bytes.substr(0, size));
    const auto read = pack_of(path_, "?read=1");
    ASSERT_FALSE(read);
    // One that has just been begun has less than its header.
    ASSERT_EQ(read.error().code(), size == 0 || (size >= 8 && size < storage::pack_line_bytes)
                                       ? Errc::not_found
                                   : size < 8 ? Errc::invalid_argument
                                              : Errc::corrupt);
    if (size >= storage::pack_line_bytes) {
      ASSERT_EQ(code_of(pack_of(path_)), Errc::corrupt) << "a writer, too";
    }
  }
  write(bytes.substr(0, ends[3] + 1));
  EXPECT_EQ(code_of(pack_of(path_)), Errc::corrupt);
  EXPECT_TRUE(is_as_after(3, *pack_of(path_, "?repair=1").value()));
  EXPECT_TRUE(is_as_after(3, *pack_of(path_).value())) << "repaired for good";
}

// Of a file that was closed: each value is right, or an error. Of one that nobody closed, the last record may
// be one that was being written.
TEST_F(PackDamage, NoWrongByteMakesAWrongValue) {
  for (const bool killed : {false, true}) {
    const std::string bytes = bytes_of(killed);
    const auto ends = ends_of(bytes);
    std::size_t errors = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      SCOPED_TRACE(at);
      std::string wrong = bytes;
      wrong[at] = static_cast<char>(wrong[at] ^ (1 << at % 8));
      write(wrong);
      const auto pack = at % 101 == 0 ? pack_of(path_, options_) : pack_of(path_, "?read=1");
      if (!pack) {
        ASSERT_TRUE(pack.error().code() == Errc::corrupt || pack.error().code() == Errc::invalid_argument)
            << pack.error();
        ++errors;
        continue;
      }
      if (killed && at >= ends[ends.size() - 2] && is_as_after(all_steps().size() - 1, **pack)) {
        continue;  // as if it had never been written
      }
      for (const char* name : {"a", "b", "c"}) {
        const std::string text = load_text(**pack, {"s", name});
        errors += text == "corrupt" ? 1 : 0;
        ASSERT_TRUE(text == after(all_steps().size(), name) || text == "corrupt") << name << ": " << text;
      }
    }
    EXPECT_GT(errors, bytes.size() / 4);
  }
}

TEST_F(PackDamage, IsLeftOutByRepair) {
  const std::string bytes = bytes_of(false);
  const auto ends = ends_of(bytes);
  std::string wrong = bytes;
  wrong[ends[1] + 8] ^= 1;    // line of the second record
  wrong[ends[2] + 128] ^= 1;  // body of the third
  write(wrong);
  const auto refused = pack_of(path_);
  ASSERT_EQ(code_of(refused), Errc::corrupt);
  EXPECT_NE(refused.error().text().find("?repair=1"), std::string::npos) << refused.error();
  EXPECT_EQ(code_of(pack_of(path_, "?read=1")), Errc::corrupt);
  const auto repaired = pack_of(path_, "?repair=1").value();
  EXPECT_EQ(load_text(*repaired, {"s", "a"}), "not_found");
  EXPECT_EQ(load_text(*repaired, {"s", "b"}), std::string(70, 'B'));
  EXPECT_EQ(load_text(*repaired, {"s", "c"}), "");
}

}  // namespace
}  // namespace locum::tests

#include "core/value/options.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace locum {
namespace {

/// Sets a variable for one test.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST(Options, AreTheProgramsWhereTheEnvironmentIsSilent) {
  const RuntimeOptions given{.memory_bytes = 2_GiB, .ranks_per_node = 3, .step_bytes = 1_MiB};
  EXPECT_EQ(with_environment(given).value(), given);
  EXPECT_EQ(with_environment({}).value(), RuntimeOptions{});
}

TEST(Options, TakeANameOfOneLine) {
  EXPECT_EQ(with_environment({.name = "coupling"}).value().name, "coupling");
  EXPECT_EQ(with_environment({.name = std::string(257, 'x')}).error().code(), Errc::invalid_argument);
  EXPECT_EQ(with_environment({.name = "a\nb"}).error().code(), Errc::invalid_argument);
  EXPECT_NE(to_string(RuntimeOptions{.name = "a"}), to_string(RuntimeOptions{.name = "b"}))
      << "the line with which ranks compare their options";
}

TEST(Options, TakeSizesWithUnits) {
  for (const auto& [text, bytes] : std::vector<std::pair<const char*, std::uint64_t>>{
           {"12345", 12345}, {"64K", 64_KiB}, {"3m", 3_MiB}, {"2G", 2_GiB}, {"1T", 1024_GiB}, {"0", 0}}) {
    const Variable variable("LOCUM_MEMORY_BYTES", text);
    EXPECT_EQ(with_environment({}).value().memory_bytes, bytes) << text;
  }
}

TEST(Options, AreAllOverriddenByTheirTwins) {
  const Variable memory("LOCUM_MEMORY_BYTES", "1G");
  const Variable timeout("LOCUM_TIMEOUT_MS", "1500");
  const Variable collective("LOCUM_COLLECTIVE_TIMEOUT_MS", "2500");
  const Variable peer("LOCUM_PEER_TIMEOUT_MS", "3500");
  const Variable ranks("LOCUM_RANKS_PER_NODE", "4");
  const Variable transport("LOCUM_TRANSPORT", "mpi");
  const Variable one_sided("LOCUM_ONE_SIDED", "auto");
  const Variable log("LOCUM_LOG", "info");
  const Variable signal("LOCUM_CHECKPOINT_SIGNAL", "SIGUSR2");
  const Variable reserve("LOCUM_RESERVE_BYTES", "2G");
  const Variable step("LOCUM_STEP_BYTES", "128K");
  const Variable prepare("LOCUM_PREPARE_BYTES", "3K");
  const Variable cache("LOCUM_DECODED_CACHE_BYTES", "4K");
  const Variable inlined("LOCUM_INLINE_BYTES", "5K");
  const Variable prefetched("LOCUM_PREFETCH_BYTES", "6K");
  const Variable folder("LOCUM_SPILL_FOLDER", "/scratch/me");
  const Variable spilled("LOCUM_SPILL_BYTES", "7G");
  const Variable stores("LOCUM_STORES", "/scratch/me/stores.toml");
  const RuntimeOptions expected{.memory_bytes = 1_GiB,
                                .timeout = std::chrono::milliseconds(1500),
                                .collective_timeout = std::chrono::milliseconds(2500),
                                .peer_timeout = std::chrono::milliseconds(3500),
                                .ranks_per_node = 4,
                                .transport = TransportKind::mpi,
                                .one_sided = OneSided::automatic,
                                .reserve_bytes = 2_GiB,
                                .step_bytes = 128_KiB,
                                .prepare_bytes = 3_KiB,
                                .inline_bytes = 5_KiB,
                                .prefetch_bytes = 6_KiB,
                                .spill_folder = "/scratch/me",
                                .spill_bytes = 7_GiB,
                                .decoded_cache_bytes = 4_KiB,
                                .log = Log::info,
                                .checkpoint_signal = SIGUSR2,
                                .stores = "/scratch/me/stores.toml"};
  EXPECT_EQ(with_environment({.memory_bytes = 5}).value(), expected);
}

TEST(Options, NameTheVariableThatIsWrongAndWhatItTakes) {
  for (const auto& [name, text] : std::vector<std::pair<const char*, const char*>>{
           {"LOCUM_MEMORY_BYTES", "much"},
           {"LOCUM_MEMORY_BYTES", "-1"},
           {"LOCUM_MEMORY_BYTES", "1GB"},
           {"LOCUM_MEMORY_BYTES", "1 G"},
           {"LOCUM_MEMORY_BYTES", "99999999999999999999"},
           {"LOCUM_MEMORY_BYTES", "18446744073709551615K"},
           {"LOCUM_MEMORY_BYTES", "1.5G"},
           {"LOCUM_TIMEOUT_MS", "0"},
           {"LOCUM_TIMEOUT_MS", "-5"},
           {"LOCUM_TIMEOUT_MS", "10s"},
           {"LOCUM_COLLECTIVE_TIMEOUT_MS", "0"},
           {"LOCUM_PEER_TIMEOUT_MS", "0"},
           {"LOCUM_INLINE_BYTES", "65K"},
           {"LOCUM_RANKS_PER_NODE", "-1"},
           {"LOCUM_RANKS_PER_NODE", "many"},
           {"LOCUM_STEP_BYTES", "100K"},
           {"LOCUM_STEP_BYTES", "32K"},
           {"LOCUM_TRANSPORT", "tcp"},
           {"LOCUM_LOG", "verbose"},
           {"LOCUM_CHECKPOINT_SIGNAL", "USR3"},
           {"LOCUM_CHECKPOINT_SIGNAL", "9"},
           {"LOCUM_CHECKPOINT_SIGNAL", "-1"},
           {"LOCUM_CHECKPOINT_SIGNAL", "65"},
           {"LOCUM_RESERVE_BYTES", "0"},
       }) {
    const Variable variable(name, text);
    const auto refused = with_environment({});
    ASSERT_FALSE(refused) << name << "=" << text;
    EXPECT_EQ(refused.error().code(), Errc::invalid_argument);
    EXPECT_NE(refused.error().text().find(name), std::string::npos) << refused.error();
    EXPECT_NE(refused.error().text().find("takes"), std::string::npos) << refused.error();
  }
}

TEST(Options, CheckWhatTheProgramGivesToo) {
  EXPECT_FALSE(with_environment({.timeout = std::chrono::milliseconds(0)}));
  EXPECT_FALSE(with_environment({.memory_bytes = 2_GiB, .reserve_bytes = 1_GiB}));
  EXPECT_FALSE(with_environment({.stores = "a\nb"}));
}

// "Never" is spelled like that; as the patience with silent ranks it would overflow, and every rank would be
// given up.
TEST(Options, TakeTheLongestTimeAsADeadlineOnly) {
  const auto never = std::chrono::milliseconds::max();
  EXPECT_TRUE(with_environment({.timeout = never, .collective_timeout = never}));
  const auto refused = with_environment({.peer_timeout = never});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::invalid_argument);
  EXPECT_TRUE(with_environment({.peer_timeout = std::chrono::hours(24 * 365)}));
}

TEST(Options, TakeAnEmptyVariableAsNone) {
  const Variable variable("LOCUM_MEMORY_BYTES", "");
  EXPECT_EQ(with_environment({.memory_bytes = 7}).value().memory_bytes, 7U);
}

TEST(Options, PrintOneLineEach) {
  EXPECT_EQ(to_string(RuntimeOptions{.memory_bytes = 5, .reserve_bytes = 6, .decoded_cache_bytes = 7}),
            "memory_bytes = 5\ntimeout_ms = 30000\ncollective_timeout_ms = 600000\npeer_timeout_ms = "
            "5000\nranks_per_node = 0\ntransport = auto\none_sided = off\nreserve_bytes = 6\nstep_bytes = 0\n"
            "prepare_bytes = 0\ndecoded_cache_bytes = 7\ninline_bytes = 4096\nprefetch_bytes = 0\n"
            "spill_folder = \nspill_bytes = 0\nlog = warnings\ncheckpoint_signal = 0\nstores = \nname = \n");
}

TEST(Options, AreReadBackFromTheirLines) {
  const RuntimeOptions options{.memory_bytes = 3_GiB,
                               .timeout = std::chrono::milliseconds(2),
                               .collective_timeout = std::chrono::milliseconds::max(),
                               .peer_timeout = std::chrono::milliseconds(4),
                               .ranks_per_node = 5,
                               .transport = TransportKind::mpi,
                               .one_sided = OneSided::automatic,
                               .reserve_bytes = 6_GiB,
                               .step_bytes = 1_MiB,
                               .prepare_bytes = 7,
                               .inline_bytes = 8,
                               .prefetch_bytes = 9,
                               .spill_folder = "/a folder = b",
                               .spill_bytes = 11,
                               .decoded_cache_bytes = 10,
                               .log = Log::info,
                               .checkpoint_signal = SIGUSR1,
                               .stores = "my stores.toml",
                               .name = "a = b"};
  EXPECT_EQ(options_in(to_string(options)).value(), options);
  EXPECT_EQ(options_in(to_string(RuntimeOptions{})).value(), RuntimeOptions{});
}

TEST(Options, AreNotReadFromOtherText) {
  const std::string text = to_string(RuntimeOptions{});
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_EQ(options_in(text.substr(0, length)).error().code(), Errc::corrupt) << length;
  }
  for (std::size_t at = 0; at < text.find("name"); ++at) {
    std::string damaged = text;
    damaged[at] = '?';
    EXPECT_EQ(options_in(damaged).error().code(), Errc::corrupt) << damaged;
  }
  EXPECT_EQ(options_in(text + "more = 1\n").error().code(), Errc::corrupt);
}

TEST(Options, OfTheOthersAreNotThoseOfTheEnvironment) {
  const Variable variable("LOCUM_MEMORY_BYTES", "rubbish");
  EXPECT_EQ(with_environment({.memory_bytes = 7, .as_others = true}).value(),
            RuntimeOptions{.as_others = true});
}

}  // namespace
}  // namespace locum

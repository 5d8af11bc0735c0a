// Secrets are planted in the environment, in files and in the kernel's keyring, every error and text that the
// library makes of them is gathered, and none has a secret in it.

#include <gtest/gtest.h>
#include <linux/keyctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "core/report.hpp"
#include "core/serializers.hpp"
#include "core/url.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/fault_proxy.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/test_server.hpp"
#include "tests/transport/storage/tls_server.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/wrappers/backend_statistics.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view password = "planted-0pen-sesame";
constexpr std::string_view key = "5ec2e7005ec2e7115ec2e7225ec2e7335ec2e7445ec2e7555ec2e7665ec2e777";
constexpr std::string_view other_key = "0ddba110ddba110ddba110ddba110ddba110ddba110ddba110ddba110ddba110";

/// A key of this process's keyring, which it is removed from in the end. In the keyring of the session or the
/// user it would outlive the process, should that die.
class PlantedKey {
 public:
  PlantedKey(const char* name, std::string_view secret)
      : id_(::syscall(SYS_add_key, "user", name, secret.data(), secret.size(), KEY_SPEC_PROCESS_KEYRING)),
        error_number_(errno) {}
  PlantedKey(const PlantedKey&) = delete;
  PlantedKey& operator=(const PlantedKey&) = delete;
  ~PlantedKey() {
    if (id_ >= 0) {
      (void)::syscall(SYS_keyctl, KEYCTL_UNLINK, id_, KEY_SPEC_PROCESS_KEYRING);
    }
  }
  /// Empty: it is there.
  [[nodiscard]] std::string why_not() const { return id_ >= 0 ? "" : std::strerror(error_number_); }
  /// From now on nobody may read it. Whether the kernel did so.
  [[nodiscard]] bool hide() const {
    constexpr unsigned only_seen = 0x01000000;  // by who possesses it
    return ::syscall(SYS_keyctl, KEYCTL_SETPERM, id_, only_seen) == 0;
  }
  [[nodiscard]] bool revoke() const { return ::syscall(SYS_keyctl, KEYCTL_REVOKE, id_) == 0; }

 private:
  const long id_;
  const int error_number_;
};

class Secrets : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("LOCUM_PLANTED_PASSWORD", std::string(password).c_str(), 1);
    ::setenv("LOCUM_PLANTED_KEY", std::string(key).c_str(), 1);
    ::setenv("LOCUM_PLANTED_NO_KEY", (std::string(key) + "!").c_str(), 1);
    std::ofstream(in_folder("password")) << password << "\n" << key << "\n";
    std::ofstream(in_folder("key")) << other_key << "\n";
    std::ofstream(in_folder("long")) << password << std::string(70'000, 'x') << "\n";
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
  }
  void TearDown() override {
    hear(::testing::internal::GetCapturedStderr());
    hear(::testing::internal::GetCapturedStdout());
    for (const char* file : {"audit", "lines"}) {
      std::ifstream lines(in_folder(file));
      hear({std::istreambuf_iterator<char>(lines), {}});
    }
    // The beginning of a key is a secret, too, and so is a password without its first letters.
    for (const std::string_view secret : {password.substr(3), key.substr(0, 12), key.substr(52),
                                          other_key.substr(0, 12), other_key.substr(52)}) {
      EXPECT_EQ(said_.find(secret), std::string::npos)
          << "'" << secret << "' is in\n"
          << said_.substr(said_.rfind('\n', said_.find(secret)) + 1, 400);
    }
    ::unsetenv("LOCUM_PLANTED_PASSWORD");
    ::unsetenv("LOCUM_PLANTED_KEY");
    ::unsetenv("LOCUM_PLANTED_NO_KEY");
  }
  [[nodiscard]] std::string in_folder(const std::string& file) const { return folder_.path() + '/' + file; }
  void hear(const std::string& text) { said_ += text + '\n'; }
  /// Whatever it says of the error. Whether it is one.
  template <class T>
  bool fails(const Result<T>& result) {
    if (!result) {
      const Error& error = result.error();
      std::ostringstream printed;
      printed << error;
      hear(printed.str() + '\n' + error.what() + '\n' + error.text() + '\n' + error.detail() + '\n' +
           std::string(error.key()));
    }
    return !result;
  }
  void expect_refused(const std::string& url) {
    EXPECT_TRUE(fails(open(url, {.timeout = 100ms}))) << url;
    if (const auto read = parse_url(url); !fails(read)) {
      hear(to_string(*read));
    }
  }
  /// Wrappers over a URL that tell of each call, and encrypt.
  [[nodiscard]] std::string told(const std::string& url, const std::string& key_at) const {
    const bool has_options = url.find('?') != std::string::npos;
    return "audit+log+stats+encrypt+" + url + (has_options ? "&" : "?") + "audit.file=" + in_folder("audit") +
           "&log.file=" + in_folder("lines") + "&encrypt.key=" + key_at;
  }
  [[nodiscard]] bool encrypts() const {
    return open_backend(told("simple:", "env:LOCUM_PLANTED_KEY")).has_value();
  }

  TemporaryFolder folder_;
  std::string said_;
};

TEST_F(Secrets, AreInNoTextOfAUrl) {
  const std::string secret(password);
  for (const std::string& url :
       {"redis://me:" + secret + "@127.0.0.1/0", "redis://:" + secret + "@127.0.0.1",
        "redis://h?password=" + secret, "redis://h:bad?password=" + secret,
        "redis://h?password=" + secret + "&password=env:X", "redis://h?db=x&password=" + secret,
        "redis://h?sentinel=s&sentinel_password=" + secret, "redis://h?passwd=" + secret,
        "tape:reel?api_token=" + secret, "tape:reel?Secret=env:X&client_secret=" + secret,
        "encrypt+null:?encrypt.keys=" + std::string(key),
        "rediss://h?key=-----BEGIN PRIVATE KEY-----" + secret,
        "encrypt+null:?encrypt.key=" + std::string(key),
        "encrypt+null:?encrypt.key=env:LOCUM_PLANTED_KEY&encrypt.old=env:X," + std::string(other_key),
        "fanout+null:?fanout.to=redis://me:" + secret + "@h",
        "fallback+null:?fallback.to=redis://h%3Fpassword%3D" + secret,
        "multi:?1.to=redis://h:port%3Fpassword%3D" + secret, "multi:?1.to=a b://me:" + secret + "@h",
        "multi:?1.to=multi:%3F1.to=redis://h%253Fpassword%253D" + secret}) {
    EXPECT_EQ(code_of(parse_url(url)), Errc::invalid_argument) << "it would be printed";
    expect_refused(url);
  }
}

TEST_F(Secrets, AreInNoTextOfWhatReadsThem) {
  for (const std::string& options : std::vector<std::string>{
           "env:LOCUM_PLANTED_NO_KEY", "env:LOCUM_TEST_NO_SUCH_VARIABLE", "file:" + in_folder("no_such_file"),
           "file:" + folder_.path(), "file:" + in_folder("password"), "file:" + in_folder("long"),
           "keyring:locum", "env:LOCUM_PLANTED_KEY&encrypt.old=env:LOCUM_PLANTED_PASSWORD",
           "env:LOCUM_PLANTED_KEY&encrypt.other=1"}) {
    expect_refused("encrypt+simple:?encrypt.key=" + options);
    expect_refused(told("simple:", options));
  }
  expect_refused("redis://127.0.0.1:1?password=file:" + in_folder("no_such_file"));
  expect_refused("redis:" + in_folder("nobody") + "?password=env:LOCUM_PLANTED_PASSWORD");
  expect_refused("redis:" + in_folder("nobody") + "?password=file:" + in_folder("password"));
  expect_refused("redis:" + in_folder("nobody") + "?password=env:LOCUM_PLANTED_PASSWORD&db=no_number");
  expect_refused("redis:" + in_folder("nobody") + "?password=env:LOCUM_PLANTED_PASSWORD&no_such=1");
  ::setenv("LOCUM_PLANTED_EMPTY", "", 1);
  EXPECT_EQ(code_of(open_backend("redis://127.0.0.1:1?password=env:LOCUM_PLANTED_EMPTY")), Errc::not_found)
      << "it would be opened without a password";
  ::unsetenv("LOCUM_PLANTED_EMPTY");
}

TEST_F(Secrets, AreReadFromTheKeyring) {
  const PlantedKey first("locum_planted_key", key);
  if (!first.why_not().empty()) {
    const auto none = secret_in("keyring:locum_planted_key");
    ASSERT_TRUE(fails(none));
    EXPECT_NE(none.error().text().find("env:NAME or file:PATH"), std::string::npos) << none.error();
    GTEST_SKIP() << "the kernel takes no key from this process: " << first.why_not();
  }
  EXPECT_EQ(secret_in("keyring:locum_planted_key").value(), key);
  {
    const PlantedKey line("locum_planted_line", std::string(password) + "\n");
    const PlantedKey empty("locum_planted_empty", "\n");
    ASSERT_EQ(line.why_not() + empty.why_not(), "");
    EXPECT_EQ(secret_in("keyring:locum_planted_line").value(), password);
    expect_refused("redis:" + in_folder("nobody") + "?password=keyring:locum_planted_line");
    expect_refused("encrypt+simple:?encrypt.key=keyring:locum_planted_line");
    EXPECT_EQ(code_of(secret_in("keyring:locum_planted_empty")), Errc::not_found);
    ASSERT_TRUE(line.hide());
    const auto hidden = secret_in("keyring:locum_planted_line");
    EXPECT_EQ(code_of(hidden), Errc::system);
    EXPECT_TRUE(fails(hidden));
  }
  const auto gone = secret_in("keyring:locum_planted_line");
  ASSERT_EQ(code_of(gone), Errc::not_found);
  EXPECT_TRUE(fails(gone));
  EXPECT_NE(gone.error().text().find("keyctl padd user locum_planted_line @u"), std::string::npos)
      << gone.error();
  EXPECT_EQ(code_of(secret_in("keyring:")), Errc::invalid_argument);
  EXPECT_EQ(code_of(secret_in("keyring:" + std::string(5000, 'n'))), Errc::system);
  if (encrypts()) {
    const auto store = open(told("simple:", "keyring:locum_planted_key")).value();
    EXPECT_FALSE(fails(store.put("a", 1)));
  }
  ASSERT_TRUE(first.revoke());
  EXPECT_EQ(code_of(secret_in("keyring:locum_planted_key")), Errc::not_found) << "it is no longer valid";
}

// Whatever a URL names as a file to be read, or to be written to: nobody waits for the other end of a pipe,
// or reads a device without an end.
TEST_F(Secrets, AreReadFromRegularFilesOnly) {
  const std::string pipe = in_folder("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::ofstream(in_folder("large")) << std::string((1U << 20U) + 1, 'x');
  for (const std::string& path : {pipe, std::string("/dev/zero"), folder_.path(), in_folder("large")}) {
    EXPECT_EQ(code_of(secret_in("file:" + path)), Errc::invalid_argument) << path;
  }
  EXPECT_EQ(code_of(secret_in("file:" + in_folder("nobody"))), Errc::not_found);
  EXPECT_EQ(secret_in("file:" + in_folder("password")).value(), password);
  for (const char* option : {"log+simple:?log.file=", "audit+simple:?audit.file="}) {
    EXPECT_EQ(code_of(open(option + pipe)), Errc::system) << option << ": nobody reads it";
  }
  for (const char* option : {"ca=", "cert=/dev/null&key=", "key=/dev/null&cert="}) {
    const auto refused = open(std::string("rediss://127.0.0.1:1?") + option + pipe);
    EXPECT_TRUE(code_of(refused) == Errc::invalid_argument || code_of(refused) == Errc::unsupported)
        << option;
  }
}

TEST_F(Secrets, AreInNothingThatIsToldOfCalls) {
  if (!encrypts()) {
    GTEST_SKIP() << "without libsodium";
  }
  const std::string pack = "pack:" + in_folder("pack");
  {
    const auto session = open_session(told(pack, "env:LOCUM_PLANTED_KEY")).value();
    const Store store = session.open("s").value();
    EXPECT_FALSE(fails(store.put("a", std::string("value"))));
    EXPECT_TRUE(fails(store.put("a", 1)));
    EXPECT_TRUE(fails(store.get<int>("a")));
    EXPECT_TRUE(fails(store.get<int>("nobody")));
    const RankReport report = session.report();
    hear(to_text(std::span(&report, 1)));
    const auto statistics = storage::find_statistics("pack");
    ASSERT_TRUE(statistics);
    hear(to_text(*statistics));
  }
  expect_refused(told(pack, "file:" + in_folder("key")));  // another key than that of what is there
  const auto session =
      open_session(told(pack, "file:" + in_folder("key") + "&encrypt.old=env:LOCUM_PLANTED_KEY")).value();
  const Store store = session.open("s").value();
  const auto value = store.get<std::string>("a").value();
  EXPECT_EQ(*value, "value");
  EXPECT_TRUE(fails(store.put("a", 1)));
  EXPECT_GT(said_.size(), 500U);
  EXPECT_GT(std::filesystem::file_size(in_folder("audit")), 0U);
  EXPECT_GT(std::filesystem::file_size(in_folder("lines")), 0U);
}

TEST_F(Secrets, AreInNoTextOfAServer) {
  if (!TestServer::program(ServerKind::redis)) {
    GTEST_SKIP() << "redis-server is not installed";
  }
  TestServer server(ServerKind::redis);
  FaultProxy proxy(server.folder() + "/proxy", server.path());
  const std::string by_name = "redis://me@" + proxy.path() + "?password=env:LOCUM_PLANTED_PASSWORD";
  const std::string by_default = "redis:" + proxy.path() + "?password=file:" + in_folder("password");
  const std::string by_sentinel =
      "redis:" + proxy.path() +
      "?sentinel=planets&sentinel_password=env:LOCUM_PLANTED_PASSWORD&password=file:" + in_folder("password");
  ASSERT_EQ(ask_server(server.path(), "CONFIG SET requirepass another"), "+OK");
  const std::string secret(password);
  for (const Faults& faults :
       {Faults{}, Faults{.cut_after = 0}, Faults{.cut_after = 3}, Faults{.silent_after = 0},
        Faults{.garbage_seed = 7}, Faults{.reply = "-" + secret + "\r\n"},
        Faults{.reply = "-" + secret + " is no password\r\n"}, Faults{.reply = "+" + secret + "\r\n"},
        Faults{.reply = "-ERR unknown command 'AUTH', with 'me' '" + secret + "'\r\n"},
        Faults{.reply = "+OK\r\n-NOAUTH " + secret + "\r\n"}, Faults{.reply = secret + "\r\n"},
        Faults{.reply = "$19\r\n" + secret + "\r\n"}}) {
    for (const std::string& url : {by_name, by_default + "&db=2", by_sentinel}) {
      proxy.set(faults);
      expect_refused(url);
    }
  }
  proxy.set({});
  ASSERT_EQ(ask_server(server.path(), "AUTH another\r\nCONFIG SET requirepass " + secret), "+OK");
  const std::string url = encrypts() ? told(by_default, "env:LOCUM_PLANTED_KEY") : by_default;
  const auto store = open(url, {.timeout = 20s});
  ASSERT_FALSE(fails(store));
  EXPECT_FALSE(fails(store->put("a", 1)));
  proxy.set({.cut_after = 0});
  EXPECT_TRUE(fails(store->get<int>("a", {.deadline = 5s})));
  server.stop();
  EXPECT_TRUE(fails(store->put("b", 1, {.deadline = 1s})));
}

#if LOCUM_WITH_TLS
TEST_F(Secrets, AreInNoTextOfTls) {
  if (!TestServer::program(ServerKind::redis) || !certificates().are_made()) {
    GTEST_SKIP() << "redis-server or openssl is not installed";
  }
  const TlsServer secured(ServerKind::redis);
  const TestServer& server = secured.server();
  const std::string port = std::to_string(secured.port());
  const auto url = [&](const std::string& options, const std::string& at) {
    return "rediss://me@127.0.0.1:" + at + "/0?password=env:LOCUM_PLANTED_PASSWORD&" + options;
  };
  const std::string trusted = "ca=" + certificates().path("ca.pem");
  ASSERT_EQ(ask_server(server.path(), "CONFIG SET requirepass another"), "+OK");
  expect_refused(url(trusted, port));  // by the server, which does not know the password
  expect_refused(url("ca=" + certificates().path("other.pem"), port));
  expect_refused(url(trusted + "&server_name=elsewhere.test", port));
  expect_refused(url("ca=" + in_folder("password"), port));
  expect_refused(
      url(trusted + "&cert=" + certificates().path("client.pem") + "&key=" + in_folder("key"), port));
  expect_refused(url(trusted + "&cert=" + in_folder("password") + "&key=" + in_folder("password"), port));
  expect_refused(url(trusted, std::to_string(server.port())));  // which speaks no TLS
  EXPECT_GT(said_.size(), 500U);
}
#endif

}  // namespace
}  // namespace locum::tests

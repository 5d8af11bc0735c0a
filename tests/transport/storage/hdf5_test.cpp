// The backend hdf5: as HDF5 itself, and its tools, see its file; what happens when a writer is killed; files
// that are damaged, or of other programs.

#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/serializers.hpp"
#include "tests/core/code_of.hpp"
#include "tests/shm/child.hpp"
#include "tests/transport/storage/next_process.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

Deadline one_minute() {
  return std::chrono::seconds(60);
}

/// An identifier of HDF5, closed with its owner.
class Id {
 public:
  Id(hid_t number, herr_t (*close)(hid_t)) : number_(number), close_(close) { EXPECT_GE(number, 0); }
  Id(const Id&) = delete;
  Id& operator=(const Id&) = delete;
  ~Id() { close_(number_); }
  operator hid_t() const { return number_; }

 private:
  const hid_t number_;
  herr_t (*const close_)(hid_t);
};

class Hdf5Backend : public ::testing::Test {
 protected:
  Hdf5Backend() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

  [[nodiscard]] std::string path() const { return folder_.path() + "/results.h5"; }
  [[nodiscard]] std::string url(const std::string& options = "?sync=0") const {
    return "hdf5://" + path() + options;
  }
  [[nodiscard]] Result<std::shared_ptr<Backend>> opened(const std::string& options = "?sync=0") const {
    return open_backend(url(options));
  }
  static Result<void> store(Backend& to, const RecordKey& key, std::string_view text,
                            std::uint64_t revision = 7, Deadline deadline = one_minute()) {
    NewRecord record;
    record.bytes = std::as_bytes(std::span(text));
    record.revision = revision;
    return to.store(key, record, deadline);
  }
  /// The text, or the code of the error.
  static std::string load(Backend& from, const RecordKey& key) {
    const auto record = from.load(key, whole_record, one_minute());
    return record ? std::string(reinterpret_cast<const char*>(record->bytes.data()), record->bytes.size())
                  : std::string(to_string(record.error().code()));
  }
  static void expect_error(const Result<std::shared_ptr<Backend>>& result, Errc code, const char* says) {
    ASSERT_EQ(code_of(result), code);
    EXPECT_NE(result.error().text().find(says), std::string::npos) << result.error();
  }
  [[nodiscard]] Id file(unsigned as = H5F_ACC_RDONLY) const {
    return Id(H5Fopen(path().c_str(), as, H5P_DEFAULT), H5Fclose);
  }
  /// What the state of the file says.
  void write_state(std::uint64_t state) const {
    const Id in = file(H5F_ACC_RDWR);
    const Id word(H5Dopen2(in, "/.locum/state", H5P_DEFAULT), H5Dclose);
    ASSERT_GE(H5Dwrite(word, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &state), 0);
  }
  /// What a program prints, and whether it is installed.
  static bool run(const std::string& command, std::string& printed) {
    const std::string program = command.substr(0, command.find(' '));
    if (std::system(("command -v " + program + " > /dev/null").c_str()) != 0) {
      return false;
    }
    FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
    std::array<char, 4096> some{};
    printed.clear();
    for (std::size_t count = 1; count > 0;) {
      count = std::fread(some.data(), 1, some.size(), pipe);
      printed.append(some.data(), count);
    }
    EXPECT_EQ(::pclose(pipe), 0) << printed;
    return true;
  }

  const TemporaryFolder folder_;
};

TEST_F(Hdf5Backend, ShowsNumbersToProgramsThatKnowOnlyHdf5) {
  {
    const Store run = open(url("?sync=0&store=run/17")).value();
    auto writer = run.create<double>("T", {2, 3}).value();
    const std::array<double, 6> field{1, 2.5, -3, 4, 5, 6};
    std::ranges::copy(field, writer.data());
    ASSERT_TRUE(writer.seal());
    (void)run.put("T/0042", std::vector<std::int32_t>{7, 8, 9}).value();
    (void)run.put("steps", std::uint64_t{42}).value();
    (void)run.put("unit", std::string("kelvin")).value();
  }
  {
    const Id in = file();
    // `T` is beside the group of `T/0042`.
    const Id field(H5Dopen2(in, "/run%2F17/T%value", H5P_DEFAULT), H5Dclose);
    const Id type(H5Dget_type(field), H5Tclose);
    EXPECT_GT(H5Tequal(type, H5T_IEEE_F64LE), 0);
    const Id space(H5Dget_space(field), H5Sclose);
    std::array<hsize_t, 2> extents{};
    ASSERT_EQ(H5Sget_simple_extent_dims(space, extents.data(), nullptr), 2);
    EXPECT_EQ(extents, (std::array<hsize_t, 2>{2, 3}));
    std::array<double, 6> values{};
    ASSERT_GE(H5Dread(field, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    EXPECT_EQ(values, (std::array<double, 6>{1, 2.5, -3, 4, 5, 6}));
    const Id one(H5Dopen2(in, "/run%2F17/steps", H5P_DEFAULT), H5Dclose);
    std::uint64_t steps = 0;
    ASSERT_GE(H5Dread(one, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &steps), 0);
    EXPECT_EQ(steps, 42U);
  }
  std::string printed;
  if (run("h5dump -d /run%2F17/T/0042 " + path(), printed)) {
    EXPECT_NE(printed.find("H5T_STD_I32LE"), std::string::npos) << printed;
    EXPECT_NE(printed.find("(0): 7, 8, 9"), std::string::npos) << printed;
  }
  if (run("h5ls -r " + path(), printed)) {
    EXPECT_NE(printed.find("/run%2F17/T%value        Dataset {2, 3}"), std::string::npos) << printed;
  }
  const Store again = open(url("?read_only=1&store=run/17")).value();
  const auto field = again.get<double[]>("T").value();
  EXPECT_EQ(field.extents().size(), 2U);
  EXPECT_EQ(field[5], 6);
  const auto unit = again.get<std::string>("unit").value();
  EXPECT_EQ(*unit, "kelvin");
  EXPECT_EQ(again.keys("T").value().size(), 2U);
  EXPECT_EQ(code_of(again.put("x", 1)), Errc::unsupported);
}

TEST_F(Hdf5Backend, KeepsArraysOfNoElements) {
  {
    const Store run = open(url("?sync=0&store=run")).value();
    ASSERT_TRUE(run.create<double>("no rows", {0, 3}).value().seal());
    ASSERT_TRUE(run.put("none", std::vector<std::int32_t>()));
  }
  {
    const Id in = file();
    const Id field(H5Dopen2(in, "/run/no rows", H5P_DEFAULT), H5Dclose);
    const Id space(H5Dget_space(field), H5Sclose);
    std::array<hsize_t, 2> extents{1, 1};
    ASSERT_EQ(H5Sget_simple_extent_dims(space, extents.data(), nullptr), 2);
    EXPECT_EQ(extents, (std::array<hsize_t, 2>{0, 3}));
  }
  const Store again = open(url("?read_only=1&store=run")).value();
  EXPECT_EQ(again.get<double[]>("no rows").value().extents(), Extents(0, 3));
  EXPECT_EQ(again.get<std::int32_t[]>("none").value()->size(), 0U);
}

TEST_F(Hdf5Backend, IsReadByTheLineOfPythonOnItsPage) {
  std::string python;
  for (const char* one : {"python3", "/usr/bin/python3"}) {
    if (std::system((std::string(one) + " -c 'import h5py' 2> /dev/null").c_str()) == 0) {
      python = one;
    }
  }
  if (python.empty()) {
    GTEST_SKIP() << "there is no python3 with h5py (Debian: python3-h5py)";
  }
  {
    const Store fields = open(url("?sync=0&store=fields")).value();
    auto writer = fields.create<double>("T", {2, 3}).value();
    std::ranges::copy(std::array<double, 6>{1, 2.5, -3, 4, 5, 6}, writer.data());
    ASSERT_TRUE(writer.seal());
  }
  const std::filesystem::path pages = LOCUM_DOCS_BACKENDS;
  std::ifstream page(pages.parent_path() / "backends/hdf5.md");
  const std::string text((std::istreambuf_iterator<char>(page)), {});
  const std::size_t at = text.find("h5py.File('results.h5')");
  ASSERT_NE(at, std::string::npos);
  std::string line = text.substr(at, text.find('`', at) - at);
  line.replace(line.find("results.h5"), 10, path());
  std::string printed;
  ASSERT_TRUE(run(python + " -c \"import h5py; print(" + line + ".tolist())\"", printed));
  EXPECT_EQ(printed, "[[1.0, 2.5, -3.0], [4.0, 5.0, 6.0]]\n") << line;
}

TEST_F(Hdf5Backend, ResolvesTheHandlesOfAnEarlierProcess) {
  expect_handles_in_the_next_process(url(""));
}

// A name that begins with another one and a slash is in a group, whichever comes first; and groups go with
// their last record.
TEST_F(Hdf5Backend, KeepsNamesThatAreGroupsToo) {
  const auto backend = opened().value();
  const std::vector<std::string> names{"T",  "T/1", "T/1/2", "U/1", "U",        "/",    "//a",
                                       "a/", "..",  "%",     ".",   ".locum/x", "\xFF", "T%value"};
  for (const std::string& name : names) {
    ASSERT_TRUE(store(*backend, {"s", name}, name)) << name;
    ASSERT_TRUE(store(*backend, {"s", name}, name + "!")) << name;
  }
  ASSERT_TRUE(store(*backend, {"s/U", "1"}, "other"));
  for (const std::string& name : names) {
    EXPECT_EQ(load(*backend, {"s", name}), name + "!");
  }
  auto listed = backend->list("s", {}, one_minute()).value();
  std::ranges::sort(listed);
  auto sorted = names;
  std::ranges::sort(sorted);
  EXPECT_EQ(listed, sorted);
  EXPECT_EQ(backend->list("s", "T/1", one_minute()).value().size(), 2U);
  ASSERT_TRUE(backend->remove({"s", "T/1"}, 0, one_minute()).value());
  ASSERT_TRUE(backend->remove({"s", "T/1/2"}, 0, one_minute()).value());
  EXPECT_EQ(load(*backend, {"s", "T"}), "T!") << "it is beside a group that is gone";
  ASSERT_TRUE(store(*backend, {"s", "T"}, "once"));
  EXPECT_EQ(load(*backend, {"s", "T"}), "once");
  EXPECT_EQ(backend->drop("s", one_minute()).value(), names.size() - 2);
  EXPECT_EQ(load(*backend, {"s/U", "1"}), "other");
  EXPECT_EQ(backend->drop("s/U", one_minute()).value(), 1U);
  const Id in = file();  // shares the file of the session
  H5G_info_t root;
  ASSERT_GE(H5Gget_info(in, &root), 0);
  EXPECT_EQ(root.nlinks, 1U) << "the group of the file's state";
}

TEST_F(Hdf5Backend, IsOpenForOneWriterOrForManyReaders) {
  {
    const auto writer = opened().value();
    ASSERT_TRUE(store(*writer, {"s", "a"}, "1"));
    expect_error(opened(), Errc::system, "is being written now");
    expect_error(opened("?read_only=1"), Errc::system, "another session of this process");
  }
  {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    Child other([&] {
      const auto writer = opened().value();
      EXPECT_EQ(::write(pipe[1], "x", 1), 1);
      for (;;) {
        ::pause();
      }
      return std::string();
    });
    char said = 0;
    ASSERT_EQ(::read(pipe[0], &said, 1), 1);
    expect_error(opened(), Errc::system, "is being written now");
    expect_error(opened("?read_only=1"), Errc::system, "by a session that writes it");
    ::close(pipe[0]);
    ::close(pipe[1]);
  }
  const auto reader = opened("?read_only=1").value();
  const auto second = opened("?read_only=1").value();
  EXPECT_EQ(load(*reader, {"s", "a"}) + load(*second, {"s", "a"}), "11");
  EXPECT_EQ(code_of(store(*reader, {"s", "a"}, "2")), Errc::unsupported);
  EXPECT_EQ(code_of(reader->remove({"s", "a"}, 0, one_minute())), Errc::unsupported);
  EXPECT_EQ(code_of(reader->drop("s", one_minute())), Errc::unsupported);
  expect_error(opened(), Errc::system, "is open elsewhere, by a program that reads it");
}

TEST_F(Hdf5Backend, RefusesUrlsThatItCannotOpen) {
  for (const char* options : {"?colour=red", "?sync=2", "?damaged=1"}) {
    EXPECT_EQ(code_of(opened(options)), Errc::invalid_argument) << options;
  }
  EXPECT_EQ(code_of(open_backend("hdf5://host/path")), Errc::invalid_argument);
  EXPECT_EQ(code_of(open_backend("hdf5://" + folder_.path())), Errc::invalid_argument);
  const auto nowhere = open_backend("hdf5://" + folder_.path() + "/a/b.h5");
  expect_error(nowhere, Errc::system, "make it first");
  expect_error(opened("?read_only=1"), Errc::not_found, "a writer makes it");
}

TEST_F(Hdf5Backend, RefusesFilesThatAreNotItsOwn) {
  std::ofstream(path()) << "no HDF5";
  expect_error(opened(), Errc::corrupt, "no HDF5 file");
  { const Id other(H5Fcreate(path().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose); }
  expect_error(opened(), Errc::invalid_argument, "of another program");
  EXPECT_FALSE(std::filesystem::exists(path() + ".lock"));
}

TEST_F(Hdf5Backend, RefusesAFileWhoseWriterEndedWithinAChange) {
  { ASSERT_TRUE(store(*opened().value(), {"s", "a"}, "1")); }
  write_state(1);
  expect_error(opened(), Errc::corrupt, "a process ended while it changed it");
  expect_error(opened("?read_only=1"), Errc::corrupt, "damaged=1");
  EXPECT_EQ(load(*opened("?read_only=1&damaged=1").value(), {"s", "a"}), "1");
  write_state(0);
  EXPECT_EQ(load(*opened().value(), {"s", "a"}), "1");
  std::filesystem::resize_file(path(), std::filesystem::file_size(path()) - 100);
  expect_error(opened(), Errc::corrupt, "it is damaged");
}

// Who is killed while the bytes of a large record are written leaves a file at rest.
TEST_F(Hdf5Backend, RemovesWhatItsWriterHadNotNamed) {
  { ASSERT_TRUE(store(*opened().value(), {"s", "a"}, "1")); }
  {
    const Id in = file(H5F_ACC_RDWR);
    const Id space(H5Screate(H5S_SCALAR), H5Sclose);
    const Id set(H5Dcreate2(in, "/.locum/new", H5T_STD_U8LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                 H5Dclose);
  }
  const std::string large(3'000'000, 'x');
  {
    const auto backend = opened().value();
    ASSERT_TRUE(store(*backend, {"s", "large"}, large));
    EXPECT_EQ(load(*backend, {"s", "a"}), "1");
  }
  EXPECT_TRUE(load(*opened("?read_only=1").value(), {"s", "large"}) == large);
  const Id in = file();
  EXPECT_EQ(H5Lexists(in, "/.locum/new", H5P_DEFAULT), 0);
}

// Whatever other programs write, no memory is taken for what is not there, and nothing of theirs is changed.
TEST_F(Hdf5Backend, DoesNotTrustWhatOthersWroteIntoItsFile) {
  {
    const auto backend = opened().value();
    for (const char* name : {"foreign", "huge", "short", "group", "kept"}) {
      ASSERT_TRUE(store(*backend, {"s", name}, "1"));
    }
  }
  {
    const Id in = file(H5F_ACC_RDWR);
    const Id group(H5Gopen2(in, "/s", H5P_DEFAULT), H5Gclose);
    ASSERT_GE(H5Adelete_by_name(group, "foreign", "locum_record", H5P_DEFAULT), 0);
    const hsize_t huge = hsize_t{1} << 50U;
    const hsize_t chunk = 4096;
    const Id space(H5Screate_simple(1, &huge, nullptr), H5Sclose);
    const Id chunked(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    ASSERT_GE(H5Pset_chunk(chunked, 1, &chunk), 0);
    const Id end(H5Tcreate(H5T_OPAQUE, 16), H5Tclose);
    const Id little(H5Tcreate(H5T_OPAQUE, 4), H5Tclose);
    const Id scalar(H5Screate(H5S_SCALAR), H5Sclose);
    const std::array<char, 16> bytes{};
    for (const auto& [name, list] :
         {std::pair("huge", hid_t(chunked)), std::pair("huge2", hid_t(H5P_DEFAULT))}) {
      H5Ldelete(group, name, H5P_DEFAULT);
      const Id set(H5Dcreate2(group, name, H5T_STD_U8LE, space, H5P_DEFAULT, list, H5P_DEFAULT), H5Dclose);
      const Id mark(H5Acreate2(set, "locum_record", end, scalar, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
      ASSERT_GE(H5Awrite(mark, end, bytes.data()), 0);
    }
    ASSERT_GE(H5Adelete_by_name(group, "short", "locum_record", H5P_DEFAULT), 0);
    const Id set(H5Dopen2(group, "short", H5P_DEFAULT), H5Dclose);
    const Id mark(H5Acreate2(set, "locum_record", little, scalar, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    ASSERT_GE(H5Awrite(mark, little, bytes.data()), 0);
    ASSERT_GE(H5Ldelete(group, "group", H5P_DEFAULT), 0);
    ASSERT_GE(H5Lcreate_soft("/s/kept", group, "group", H5P_DEFAULT, H5P_DEFAULT), 0);
    ASSERT_GE(H5Lcreate_external("/dev/null", "/x", group, "away", H5P_DEFAULT, H5P_DEFAULT), 0);
    ASSERT_GE(H5Lcreate_hard(in, "/", group, "loop", H5P_DEFAULT, H5P_DEFAULT), 0);
  }
  const auto backend = opened().value();
  EXPECT_EQ(load(*backend, {"s", "kept"}), "1");
  EXPECT_EQ(load(*backend, {"s", "foreign"}), "type_mismatch");
  EXPECT_EQ(code_of(store(*backend, {"s", "foreign"}, "2")), Errc::type_mismatch);
  EXPECT_EQ(code_of(store(*backend, {"s", "foreign/x"}, "2")), Errc::type_mismatch);
  for (const char* name : {"huge", "huge2", "short"}) {
    EXPECT_EQ(load(*backend, {"s", name}), "corrupt") << name;
  }
  for (const char* name : {"group", "away", "away/x"}) {
    EXPECT_EQ(load(*backend, {"s", name}), "not_found") << name;
    EXPECT_EQ(code_of(store(*backend, {"s", name}, "2")), Errc::type_mismatch) << name;
  }
  const auto names = backend->list("s", "k", one_minute()).value();
  EXPECT_EQ(names, std::vector<std::string>{"kept"});
  EXPECT_EQ(code_of(backend->load({"s", "a"}, whole_record, Deadline::Clock::now())), Errc::timeout);
  EXPECT_EQ(code_of(store(*backend, {"s", "a"}, "2", 7, Deadline::Clock::now())), Errc::timeout);
}

TEST_F(Hdf5Backend, ReadsAFileThatWasCompressedMeanwhile) {
  std::vector<double> field(20'000, 1.5);
  field.back() = 2;
  {
    const Store run = open(url()).value();
    (void)run.put("T", field).value();
  }
  std::string printed;
  const std::string small = folder_.path() + "/small.h5";
  if (!run("h5repack -f GZIP=1 " + path() + " " + small, printed)) {
    GTEST_SKIP() << "h5repack is not installed";
  }
  ASSERT_LT(std::filesystem::file_size(small), 20'000U);
  std::filesystem::rename(small, path());
  const Store again = open(url()).value();
  const auto view = again.get<double[]>("T").value();
  EXPECT_TRUE(std::ranges::equal(view, field));
  ASSERT_TRUE(again.put("more", 1));
}

TEST_F(Hdf5Backend, SaysThatTheFileIsTooLargeAndGoesOn) {
  const Ending ending = in_child([&] {
    const auto backend = opened().value();
    EXPECT_TRUE(store(*backend, {"s", "a"}, "1"));
    const rlimit limit{1'000'000, 1'000'000};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    const auto refused = store(*backend, {"s", "a"}, std::string(1'000'000, 'x'));
    EXPECT_EQ(code_of(refused), Errc::system);
    EXPECT_TRUE(store(*backend, {"s", "b"}, "2"));
    EXPECT_EQ(load(*backend, {"s", "a"}) + load(*backend, {"s", "b"}), "12");
    return refused.error().text();
  });
  EXPECT_EQ(ending.exit_code, 0) << ending.said;
  EXPECT_NE(ending.said.find("ulimit -f"), std::string::npos) << ending.said;
  EXPECT_EQ(load(*opened().value(), {"s", "b"}), "2");
}

/// What a writer does, always the same for a seed.
struct Hdf5Changes {
  std::minstd_rand random;

  std::pair<std::string, std::string> next() {  ///< a name, and a text; an empty one: it is removed
    std::string name = "n" + std::to_string(random() % 4) + "/" + std::to_string(random() % 5);
    return {std::move(name), random() % 6 == 0
                                 ? std::string()
                                 : std::string(1 + random() % 5000, static_cast<char>('a' + random() % 26))};
  }
};

// A file whose writer was killed either has all that was stored, or is refused.
TEST_F(Hdf5Backend, LosesNothingSilentlyWhenItsWriterIsKilled) {
  constexpr unsigned kills = 8;
  std::map<std::string, std::string> there;
  unsigned refused = 0;
  for (unsigned seed = 1; seed <= kills; ++seed) {
    SCOPED_TRACE(seed);
    const unsigned least = 20 + seed * 7;
    const bool is_between = seed % 2 == 0;  // it ends between two changes
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    Child child([&, said = pipe[1]] {
      const auto backend = opened().value();
      unsigned count = 0;
      for (Hdf5Changes changes{std::minstd_rand(seed)}; ::write(said, "x", 1) == 1;) {
        if (is_between && ++count == least) {
          ::pause();
        }
        const auto [name, text] = changes.next();
        EXPECT_TRUE(text.empty() ? backend->remove({"s", name}, 0, one_minute()).has_value()
                                 : store(*backend, {"s", name}, text).has_value());
      }
      return std::string();
    });
    ::close(pipe[1]);
    std::array<char, 1> said{};
    unsigned begun = 0;
    while (begun < least && ::read(pipe[0], said.data(), 1) == 1) {
      ++begun;
    }
    child.kill();
    while (::read(pipe[0], said.data(), 1) == 1) {
      ++begun;
    }
    ::close(pipe[0]);
    ASSERT_EQ(child.wait().signal, SIGKILL);
    const auto backend = opened();
    if (!backend) {
      ASSERT_FALSE(is_between) << backend.error();
      ASSERT_EQ(backend.error().code(), Errc::corrupt) << backend.error();
      ++refused;
      there.clear();
      std::filesystem::remove(path());
      continue;
    }
    Hdf5Changes changes{std::minstd_rand(seed)};
    for (; begun > 1; --begun) {
      const auto [name, text] = changes.next();
      there[name] = text.empty() ? "not_found" : text;
    }
    const auto [last_name, last_text] = changes.next();  // it may have been made, or not
    for (auto& [name, text] : there) {
      const std::string found = load(**backend, {"s", name});
      ASSERT_TRUE(found == text ||
                  (name == last_name && found == (last_text.empty() ? "not_found" : last_text)))
          << name << ": " << found.size() << " bytes, not " << text.size();
      text = found;
    }
    if (!there.contains(last_name)) {
      there[last_name] = load(**backend, {"s", last_name});
    }
  }
  RecordProperty("refused", static_cast<int>(refused));
}

}  // namespace
}  // namespace locum::tests

// Files that ranks of a job load: once for each node, in place.
#include <gtest/gtest.h>
#include <mpi.h>

#include <atomic>
#include <string>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"
#include "transport/storage/files/files.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

/// Doubles without a header. Counts how often this rank loads.
class DoublesFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override { return traits_; }
  [[nodiscard]] bool recognises(std::span<const std::byte>) const noexcept override { return false; }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record&, const MakeArray& make) const override {
    ++loads;
    auto draft = make(ElementType::of<double>(), {file.size_bytes() / sizeof(double)});
    auto read = draft ? file.read(0, draft->bytes()) : Result<void>(draft.error());
    return read ? Result<Record>(std::move(*draft).finish()) : read.error();
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file, const Record&) const override {
    const Array array = value.array();
    return file.write(array.bytes());
  }
  [[nodiscard]] Result<Record> info(FileBytes&, const Record&) const override { return Record(); }

  static inline std::atomic<int> loads{0};

 private:
  static constexpr std::string_view ending = ".doubles";
  const FormatTraits traits_{.name = "doubles", .endings = {&ending, 1}, .holds = "doubles", .options = {}};
};

LOCUM_REGISTER_FORMAT(doubles, DoublesFormat);

TEST(RuntimeFiles, AreLoadedOnceForEachNode) {
  const job::SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB, .timeout = 20s, .collective_timeout = 60s});
  const Files files = runtime.files("file://" + folder.path() + "?sync=0");
  constexpr std::size_t elements = 100'000;
  if (runtime.rank() == 0) {
    std::vector<double> numbers(elements);
    for (std::size_t at = 0; at < elements; ++at) {
      numbers[at] = static_cast<double>(at);
    }
    ASSERT_TRUE(files.save("T.doubles", numbers));
  }
  job::barrier();
  const int before = DoublesFormat::loads;
  const auto view = files.load<double[]>("T.doubles", {.deadline = 60s});
  ASSERT_TRUE(view) << view.error();
  ASSERT_EQ(view->size(), elements);
  EXPECT_EQ((*view)[elements - 1], elements - 1);
  const Record same = files.load("./T.doubles", {.deadline = 60s}).value();
  EXPECT_EQ(same.array().data(), reinterpret_cast<const std::byte*>(view->data()));
  int mine = DoublesFormat::loads - before;
  int all = 0;
  MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  EXPECT_EQ(all, static_cast<int>(runtime.nodes()));
}

TEST(RuntimeFiles, HaveStandInsThatTellEachRankWhyTheyAreBroken) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB, .timeout = 20s, .collective_timeout = 60s});
  const Files files = runtime.files("memory:");  // which the other ranks do not see
  Handle handle;
  if (runtime.rank() == 0) {
    ASSERT_TRUE(files.save("T.bin", std::string("no array"), {.format = "bytes"}));
    handle = files.proxy<double[]>("T.bin", {.format = "npy"}).value().handle();
  }
  MPI_Bcast(&handle, sizeof handle, MPI_BYTE, 0, MPI_COMM_WORLD);
  const auto broken = runtime.proxy<double[]>(handle).get(60s);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), Errc::broken_promise) << broken.error();
  EXPECT_NE(broken.error().text().find("without a value: corrupt: "), std::string::npos) << broken.error();
  EXPECT_NE(broken.error().text().find("T.bin"), std::string::npos) << broken.error();
  job::barrier();
}

// Only the first rank sees the file: the others fetch the object.
TEST(RuntimeFiles, HaveStandInsForRanksThatDoNotSeeThem) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB, .timeout = 20s, .collective_timeout = 60s});
  const Files files = runtime.files("memory:");
  const std::vector<double> field{1, 2.5, -3};
  Handle handle;
  if (runtime.rank() == 0) {
    ASSERT_TRUE(files.save("T.doubles", field));
    handle = files.proxy<double[]>("T.doubles").value().handle();
  }
  MPI_Bcast(&handle, sizeof handle, MPI_BYTE, 0, MPI_COMM_WORLD);
  const auto view = runtime.proxy<double[]>(handle).get(60s);
  ASSERT_TRUE(view) << view.error();
  EXPECT_EQ(std::vector<double>(view->begin(), view->end()), field);
  job::barrier();
}

}  // namespace
}  // namespace locum

#include "jobs/gray_scott/roles.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "jobs/gray_scott/summary.hpp"
#include "jobs/gray_scott/traffic.hpp"
#include "jobs/mpi_owner.hpp"

namespace {

using namespace gray_scott;
using namespace locum::literals;

constexpr std::size_t grid = 12;
constexpr std::size_t frames = 7;

// A folder that all ranks share and rank 0 removes.
class SharedFolder {
 public:
  explicit SharedFolder(int rank) : rank_(rank) {
    std::string pattern = (std::filesystem::temp_directory_path() / "gray_scott_roles_XXXXXX").string();
    int is_made = rank_ != 0 || mkdtemp(pattern.data()) != nullptr ? 1 : 0;
    MPI_Bcast(&is_made, 1, MPI_INT, 0, MPI_COMM_WORLD);
    MPI_Bcast(pattern.data(), static_cast<int>(pattern.size()), MPI_CHAR, 0, MPI_COMM_WORLD);
    EXPECT_EQ(is_made, 1) << "cannot make a folder like " << pattern;
    path_ = pattern;
  }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  ~SharedFolder() {
    MPI_Barrier(MPI_COMM_WORLD);
    std::error_code ignored;
    if (rank_ == 0) {
      std::filesystem::remove_all(path_, ignored);
    }
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  int rank_;
  std::filesystem::path path_;
};

class RolesOf : public testing::TestWithParam<Publish> {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks_);
  }

  /// The whole run with so many ranks that analyse; complete on rank 0.
  RunRecord run(int analysis_ranks) {
    const SharedFolder folder(rank_);
    RunRecord record;
    record.options = {.simulation_ranks = ranks_ - analysis_ranks,
                      .analysis_ranks = analysis_ranks,
                      .grid = grid,
                      .steps = 2 * frames,
                      .every = 2,
                      .publish = GetParam(),
                      .output = folder.path()};
    const DemoOptions& options = record.options;
    const bool simulates = rank_ < options.simulation_ranks;
    jobs::Communicator role;
    MPI_Comm_split(MPI_COMM_WORLD, simulates ? 0 : 1, rank_, role.out());
    locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
    FrameReports reports(MPI_COMM_WORLD, options.simulation_ranks, analysis_ranks);
    EventLog log(MPI_COMM_WORLD);
    if (simulates) {
      auto streams = open_streams(runtime, role.get(), options);
      Solver solver(role.get(), grid, Parameters{});
      Progress silent(false);
      record.simulation = simulate_coupled(streams, solver, nullptr, options, reports, log, silent);
    } else {
      analyse_frames(runtime, rank_ - options.simulation_ranks, Decomposition(grid, options.simulation_ranks),
                     options, reports, log);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    record.traffic = gather_traffic(runtime.metrics(), MPI_COMM_WORLD);
    pictures_ = std::distance(std::filesystem::directory_iterator(folder.path()), {});
    return record;
  }

  int rank_ = 0;
  int ranks_ = 0;
  std::ptrdiff_t pictures_ = 0;
};

TEST_P(RolesOf, HandTheFieldsOverWithoutACopyByTheReader) {
  if (ranks_ < 2) {
    GTEST_SKIP() << "needs two ranks";
  }
  for (int analysis_ranks = 1; analysis_ranks <= 2 && analysis_ranks < ranks_; ++analysis_ranks) {
    const RunRecord record = run(analysis_ranks);
    EXPECT_EQ(pictures_, static_cast<std::ptrdiff_t>(frames));
    if (rank_ != 0) {
      continue;
    }
    ASSERT_EQ(record.simulation.reports.size(), frames);
    EXPECT_LE(worst_mass_difference(record.simulation), largest_mass_difference);

    std::map<std::string, PathTraffic> traffic;
    for (const PathTraffic& row : record.traffic) {
      traffic[row.path] = row;
    }
    // Beside the fields there are the records of the streams, some of a few hundred bytes for each frame and
    // rank.
    const std::size_t blocks = 2 * frames * static_cast<std::size_t>(record.options.simulation_ranks);
    const std::size_t fields = 2 * frames * grid * grid * grid * sizeof(double);
    const std::size_t records = frames * static_cast<std::size_t>(ranks_) * 4096;
    const char* const written = GetParam() == Publish::create ? "put shm_view" : "put shm_copy";
    for (const std::string path : {written, "get shm_view"}) {
      EXPECT_GE(traffic[path].operations, blocks) << path;
      EXPECT_GE(traffic[path].bytes, fields) << path;
      EXPECT_LE(traffic[path].bytes, fields + records) << path;
    }
    std::size_t all = 0;
    for (const auto& [path, row] : traffic) {
      all += row.bytes;
    }
    EXPECT_LE(all, 2 * fields + 2 * records) << "somebody copied the fields once more";
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, RolesOf, testing::Values(Publish::create, Publish::put),
                         [](const auto& parameter) { return std::string(name_of(parameter.param)); });

}  // namespace

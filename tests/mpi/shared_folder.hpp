#pragma once

#include <stdlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "tests/mpi/job.hpp"

namespace locum::job {

/// A new folder that all ranks see, removed with everything in it when all ranks are done. Collective. Where
/// hosts have temporary folders of their own, LOCUM_TEST_SHARED_FOLDER names one that they share.
class SharedFolder {
 public:
  SharedFolder() {
    std::array<char, 256> path{};
    const char* const named = std::getenv("LOCUM_TEST_SHARED_FOLDER");
    const std::filesystem::path all_see = named == nullptr ? std::filesystem::temp_directory_path() : named;
    const std::string pattern = (all_see / "locum_checkpoint_XXXXXX").string();
    std::copy_n(pattern.begin(), std::min(pattern.size(), path.size() - 1), path.begin());
    if (rank() == 0 && ::mkdtemp(path.data()) == nullptr) {
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
    path_ = from(0, path).data();
  }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  ~SharedFolder() {
    barrier();
    std::error_code ignored;
    if (rank() == 0) {
      std::filesystem::remove_all(path_, ignored);
    }
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

}  // namespace locum::job

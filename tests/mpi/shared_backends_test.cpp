// The contracts of backends, by the ranks of a job at the same time: that of one which is alone, and that of
// a store over it, by each rank in spaces of its own at the place that all use; and that of all who share it.
// LOCUM_TEST_BACKENDS has the URLs (tests/mpi/shared_urls.hpp). Of those that one process has alone, each
// rank has its own.

#include <gtest/gtest.h>

#include <cctype>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend/backend_connector.hpp"
#include "core/testing/backend_contract.hpp"
#include "core/testing/shared_backend_contract.hpp"
#include "tests/core/connector_contract.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"
#include "tests/mpi/shared_urls.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::tests {
namespace {

/// Where all ranks see it, from before the first test to after the last one.
class CommonFolder final : public ::testing::Environment {
 public:
  void SetUp() override { folder_.emplace(); }
  void TearDown() override { folder_.reset(); }
  [[nodiscard]] const std::string& path() const { return folder_->path(); }

 private:
  std::optional<job::SharedFolder> folder_;
};

CommonFolder& common() {
  // GoogleTest destroys it.
  static auto* const folder =
      static_cast<CommonFolder*>(::testing::AddGlobalTestEnvironment(new CommonFolder));
  return *folder;
}

std::shared_ptr<Backend> opened(const std::string& url, std::string_view folder) {
  return open_backend(job::with_folder(url, folder)).value();
}

/// The next space of this rank, or of all ranks that count the same: no server that outlives a job has it
/// from an earlier one.
std::string next_space(const std::string& whose) {
  static int number = 0;
  return std::filesystem::path(common().path()).filename().string() + whose + std::to_string(++number);
}

/// "multi:?…" as the second of that scheme is "multi_2".
std::string name_of(const std::string& url, const std::vector<std::string>& earlier) {
  std::string name = url.substr(0, url.find(':'));
  for (char& one : name) {
    one = std::isalnum(static_cast<unsigned char>(one)) != 0 ? one : '_';
  }
  std::size_t same = 1;
  for (const std::string& other : earlier) {
    same += other.substr(0, other.find('_')) == name ? 1 : 0;
  }
  return same == 1 ? name : name + '_' + std::to_string(same);
}

/// Ranks meet each other in it: they differ in the names of their spaces only.
BackendFactory in_own_spaces(const std::string& name, const std::string& url) {
  const auto space = std::make_shared<std::string>();
  const auto again = [url, space] {
    return storage::prefixed(opened(url, common().path()), {.spaces = *space, .names = {}}).value();
  };
  return {name,
          [space, again] {
            *space = next_space('r' + std::to_string(job::rank()) + '-') + '-';
            return again();
          },
          again};
}

/// Each rank has its own, in the folder that all see.
BackendFactory in_own_folder(const std::string& name, const std::string& url) {
  const auto folder = std::make_shared<std::string>();
  const auto again = [url, folder] { return opened(url, *folder); };
  return {name,
          [folder, again] {
            if (!folder->empty()) {
              std::filesystem::remove_all(*folder);
            }
            *folder = common().path() + '/' + next_space('r' + std::to_string(job::rank()) + '-');
            std::filesystem::create_directory(*folder);
            return again();
          },
          again};
}

SharedBackendFactory by_job(const std::string& name, const std::string& url) {
  return {name, [url](const auto& body) {
            body({.rank = job::rank(),
                  .size = job::size(),
                  .backend = opened(url, common().path()),
                  .space = next_space("-all-"),
                  .barrier = job::barrier});
          }};
}

/// A store over it, whose names a server lists: the contract asks for them.
ConnectorFactory over(const BackendFactory& backend) {
  return {backend.name, [make = backend.make](std::uint64_t) {
            return open_backend_connector(make(), {.timeout = std::chrono::seconds(20)}).value().connector;
          }};
}

struct Factories {
  std::vector<BackendFactory> alone;
  std::vector<ConnectorFactory> stores;
  std::vector<SharedBackendFactory> shared;
};

Factories factories() {
  (void)common();
  Factories all;
  std::vector<std::string> names;
  for (const std::string& url : job::shared_urls()) {
    names.push_back(name_of(url, names));
    const std::string& name = names.back();
    const BackendTraits traits = job::description_of(url).traits;
    if (traits.shared_by == SharedBy::process) {
      all.alone.push_back(in_own_folder(name, url));
    } else {
      all.alone.push_back(in_own_spaces(name, url));
      all.shared.push_back(by_job(name, url));
    }
    if (traits.lists) {
      all.stores.push_back(over(all.alone.back()));
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Ranks, BackendContract, ::testing::ValuesIn(factories().alone), backend_name);
INSTANTIATE_TEST_SUITE_P(Ranks, ConnectorContract, ::testing::ValuesIn(factories().stores), factory_name);
INSTANTIATE_TEST_SUITE_P(Ranks, SharedBackendContract, ::testing::ValuesIn(factories().shared),
                         shared_backend_name);

}  // namespace
}  // namespace locum::tests

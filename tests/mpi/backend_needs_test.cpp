// What the stores of a runtime need of what they are over.

#include <gtest/gtest.h>
#include <mpi.h>

#include <memory>
#include <string>

#include "core/backend_registry.hpp"
#include "core/url.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/store_opening.hpp"
#include "tests/transport/storage/lacking_backend.hpp"

namespace locum {
namespace {

using job::beside_backends;
using job::error_of_store;

/// The registered one, which lacks what its option names.
LOCUM_REGISTER_BACKEND(lacking, [](const Url& url) -> Result<std::shared_ptr<Backend>> {
  if (const auto known = url.knows_only({"lacks", "number"}); !known) {
    return known.error();
  }
  return std::make_shared<tests::LackingBackend>(tests::traits_without(url.option("lacks")));
});

void expect_refused(const Runtime& runtime, const StoreOptions& options, const std::string& why) {
  const auto error = error_of_store(runtime, options);
  ASSERT_TRUE(error) << why;
  EXPECT_EQ(error->code(), Errc::unsupported);
  EXPECT_NE(error->text().find(why), std::string::npos) << *error;
}

// By each rank alone, whether or not it has opened the connector before.
TEST(RuntimeBackends, AreRefusedWhereTheyLackWhatAStoreNeeds) {
  Runtime runtime(MPI_COMM_WORLD, beside_backends);
  for (const tests::Need& need : tests::all_needs()) {
    SCOPED_TRACE(need.name);
    const std::string lacking = "lacking:?lacks=" + need.name;
    EXPECT_FALSE(error_of_store(runtime, {.connector = "lacking:", .needs = need.needs}));
    const int calls = tests::LackingBackend::calls;
    expect_refused(runtime, {.connector = lacking, .needs = need.needs}, "lacking: " + need.refusal);
    EXPECT_EQ(tests::LackingBackend::calls, calls) << "it was asked for something";
    EXPECT_FALSE(error_of_store(runtime, {.connector = lacking}));
    expect_refused(runtime, {.connector = lacking, .needs = need.needs}, "lacking: " + need.refusal);
    // What one needs is nothing to the others, and nothing is told of it.
    const BackendNeeds mine = runtime.rank() == 0 ? need.needs : BackendNeeds();
    EXPECT_EQ(error_of_store(runtime, {.connector = lacking, .needs = mine}).has_value(),
              runtime.rank() == 0);
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

TEST(RuntimeBackends, InTheMemoryOfTheNodesDoWhatAStoreNeeds) {
  Runtime runtime(MPI_COMM_WORLD, beside_backends);
  for (const tests::Need& need : tests::all_needs()) {
    SCOPED_TRACE(need.name);
    const bool is_alone = need.name == "shared_by" && runtime.size() == 1;
    if (need.name == "is_durable" || is_alone) {
      expect_refused(runtime, {.needs = need.needs}, "the nodes' memory: " + need.refusal);
    } else {
      EXPECT_FALSE(error_of_store(runtime, {.needs = need.needs}));
    }
  }
  expect_refused(runtime, {.needs = {.largest_value = 1_GiB}}, "does not hold values of that size");
  expect_refused(runtime, {.needs = {.shared_by = SharedBy::hosts}}, "is not shared between hosts");
  // They are not among the options in force.
  const Store checked = runtime.store("checked", {.checksum = true, .needs = {.lists = true}});
  EXPECT_EQ(checked.options(), StoreOptions{.checksum = true});
  EXPECT_TRUE(runtime.store("checked", {.needs = {.pushes = true}}).options().checksum);
  MPI_Barrier(MPI_COMM_WORLD);
}

TEST(RuntimeBackends, BehindMemoryDoWhatMemoryDoesNot) {
  Runtime runtime(MPI_COMM_WORLD, beside_backends);
  int number = 0;
  for (const bool was_open : {false, true}) {
    for (const tests::Need& need : tests::all_needs()) {
      SCOPED_TRACE(need.name);
      const std::string lacking = "nodes+lacking:?lacks=" + need.name + "&number=" + std::to_string(++number);
      const bool needs_job = need.name == "is_durable" || need.name == "no_default" ||
                             (need.name == "shared_by" && runtime.size() > 1);
      if (was_open) {
        EXPECT_EQ(error_of_store(runtime, {.connector = lacking}).has_value(), needs_job);
      }
      if (need.name == "pushes" || need.name == "in_place") {
        EXPECT_FALSE(error_of_store(runtime, {.connector = lacking, .needs = need.needs}))
            << "memory does it";
      } else {
        expect_refused(runtime, {.connector = lacking, .needs = need.needs}, "lacking: " + need.refusal);
      }
    }
    const std::string back = "nodes+lacking:?nodes.write=back&number=" + std::to_string(++number);
    if (was_open) {
      EXPECT_FALSE(error_of_store(runtime, {.connector = back}));
    }
    expect_refused(runtime, {.connector = back, .needs = {.is_atomic = true}},
                   "nodes.write=back: does not decide between two puts");
    EXPECT_FALSE(error_of_store(runtime, {.connector = back, .needs = {.lists = true, .is_durable = true}}));
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

}  // namespace
}  // namespace locum

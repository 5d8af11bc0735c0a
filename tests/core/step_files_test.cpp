// Streams of steps that are written to a file which cannot be completed. The files are the test's own.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "core/detail/session_state.hpp"
#include "core/lazy/file_parts.hpp"
#include "core/step_writer.hpp"
#include "core/steps/step_files.hpp"
#include "tests/core/steps_fixture.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

/// Keeps nothing; shows steps until it is told to fail.
class FailingFiles final : public detail::StepFiles {
 public:
  struct Told {
    std::atomic<std::uint64_t> fails_at{~std::uint64_t{0}};
    std::atomic<std::uint64_t> shown{0};
    std::atomic<bool> ended{false};
    std::atomic<bool> is_open{false};
  };

  [[nodiscard]] Result<std::shared_ptr<detail::StepIndex>> create(const std::string& /*path*/,
                                                                  std::uint64_t /*writers*/) override {
    return std::shared_ptr<detail::StepIndex>(std::make_shared<Index>(told));
  }
  [[nodiscard]] Result<void> write_part(const std::string& /*path*/, std::uint64_t /*number*/,
                                        std::uint64_t /*writer*/, detail::StepRecord& /*part*/,
                                        std::span<const ObjectView> /*objects*/) override {
    return {};
  }
  [[nodiscard]] Result<std::optional<detail::StepRecord>> read(const std::string& /*path*/,
                                                               std::uint64_t /*number*/) override {
    return std::optional<detail::StepRecord>();
  }
  [[nodiscard]] Result<State> state(const std::string& /*path*/) override { return State::open; }
  [[nodiscard]] Error failure(const std::string& path) override { return Error(Errc::corrupt, path); }
  [[nodiscard]] Result<std::uint64_t> count(const std::string& /*path*/) override { return 0; }
  [[nodiscard]] Result<FilePart> find(const std::string& path, std::uint64_t /*number*/,
                                      const detail::BlockRecord& /*block*/) override {
    return Error(Errc::not_found, path);
  }

  const std::shared_ptr<Told> told = std::make_shared<Told>();

 private:
  class Index final : public detail::StepIndex {
   public:
    explicit Index(std::shared_ptr<Told> told) : told_(std::move(told)) { told_->is_open = true; }
    ~Index() override { told_->is_open = false; }
    [[nodiscard]] Result<void> show(std::uint64_t number, const detail::StepRecord& /*step*/) override {
      if (number >= told_->fails_at) {
        return Error(Errc::system, "the disk is full");
      }
      told_->shown = number + 1;
      return {};
    }
    [[nodiscard]] Result<void> end(const std::optional<Error>& failure) override {
      told_->ended = !failure;
      return {};
    }

   private:
    const std::shared_ptr<Told> told_;
  };
};

class StepFilesThatFail : public tests::Steps {
 protected:
  StepFilesThatFail() { node.session->state()->files().use(nullptr, files, 1); }

  /// Of two ranks.
  [[nodiscard]] StepWriter writer(std::size_t index) {
    return {side(index, 2, 1000), "s", {.file = "run.h5"}};
  }
  static void write(StepWriter& out) {
    auto step = out.begin({.deadline = 20s}).value();
    step.put("n", 1);
    step.end().value();
  }

  const std::shared_ptr<FailingFiles> files = std::make_shared<FailingFiles>();
  FailingFiles::Told& told = *files->told;
};

TEST_F(StepFilesThatFail, SayItWhenTheyAreClosed) {
  StepWriter first = writer(0);
  StepWriter second = writer(1);
  write(first);
  write(second);
  told.fails_at = 1;
  write(first);
  write(second);
  std::thread closing([&] { EXPECT_EQ(second.close({.deadline = 20s}).error().code(), Errc::system); });
  const auto closed = first.close({.deadline = 20s});
  closing.join();
  ASSERT_FALSE(closed.has_value());
  EXPECT_EQ(closed.error().code(), Errc::system) << closed.error().what();
  EXPECT_EQ(told.shown, 1U);
  EXPECT_FALSE(told.ended);
}

TEST_F(StepFilesThatFail, SayItToAllRanksWhenTheNextStepBegins) {
  StepWriter first = writer(0);
  StepWriter second = writer(1);
  told.fails_at = 0;
  write(first);
  write(second);
  for (StepWriter* const out : {&first, &second}) {
    Errc code{};
    for (int n = 0; n < 100 && code == Errc{}; ++n) {  // there may be room for some already
      auto step = out->begin({.deadline = 20s});
      code = step ? Errc{} : step.error().code();
      if (step) {
        step->end().value();
      }
    }
    EXPECT_EQ(code, Errc::system);
  }
  EXPECT_EQ(first.close({.deadline = 20s}).error().code(), Errc::system);
  EXPECT_FALSE(told.ended);
}

TEST_F(StepFilesThatFail, AreNotEndedWhileARankStillWrites) {
  StepWriter first = writer(0);
  StepWriter second = writer(1);
  write(first);
  auto step = second.begin({.deadline = 20s}).value();
  step.put("n", 2);
  EXPECT_EQ(first.close({.deadline = 10ms}).error().code(), Errc::timeout);
  EXPECT_FALSE(told.ended);
  step.end();
}

TEST_F(StepFilesThatFail, AreLetGoOfWhenTheyAreClosed) {
  StepWriter first = writer(0);
  StepWriter second = writer(1);
  write(first);
  write(second);
  EXPECT_TRUE(told.is_open);
  std::thread closing([&] { EXPECT_TRUE(second.close({.deadline = 20s}).has_value()); });
  EXPECT_TRUE(first.close({.deadline = 20s}).has_value());
  closing.join();
  EXPECT_TRUE(told.ended);
  EXPECT_FALSE(told.is_open);
}

}  // namespace
}  // namespace locum

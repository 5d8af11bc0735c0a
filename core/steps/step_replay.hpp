#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/step_options.hpp"
#include "core/steps/step_files.hpp"
#include "core/steps/step_output.hpp"

namespace locum::detail {

/// Shows the steps of a file to the ranks of one reader, as a stream that these ranks write themselves: each
/// announces a share of the blocks of a step. A block is read when it is first used, by whoever uses it (see
/// FileParts). The first step of the stream need not be the first one of the file, and there may be some
/// between two that follow each other. One thread at a time.
class StepReplay {
 public:
  using Moment = StepOutput::Moment;

  /// Opens nothing yet.
  StepReplay(const StepSide& side, std::string_view stream, const StepReaderOptions& options);
  StepReplay(const StepReplay&) = delete;
  StepReplay& operator=(const StepReplay&) = delete;
  ~StepReplay();

  /// Whether a stream of that title shows the steps of a file.
  [[nodiscard]] static bool is_of_file(std::string_view title) noexcept {
    return title.find(of_file) != std::string_view::npos;
  }
  /// The name of the stream.
  [[nodiscard]] const std::string& stream() const noexcept { return stream_; }
  /// The next step of the file is in the stream after this, unless one is that was not read yet; waits for
  /// it until then. `end_of_stream`; `peer_lost` if the writer of the file is gone, and did not close it.
  [[nodiscard]] Result<void> show_next(Moment until);
  /// Passes over steps that are in the file, up to the newest one that may be shown. REQUIRES: the reader is
  /// one rank.
  [[nodiscard]] Result<void> skip_to_newest(Moment until);
  /// The step that was shown last has been read; returns its number in the file.
  std::uint64_t was_read() noexcept {
    is_unread_ = false;
    return number_;
  }

 private:
  static constexpr std::string_view of_file = "@file/";

  [[nodiscard]] Result<StepFiles*> files() const;
  [[nodiscard]] Result<void> open(Moment until);
  [[nodiscard]] Result<void> find_first(Moment until);
  [[nodiscard]] Result<std::uint64_t> count() const;
  [[nodiscard]] Result<std::uint64_t> first_of_file() const;
  [[nodiscard]] Result<StepRecord> await(Moment until);
  [[nodiscard]] Result<StepRecord> share_of(const StepRecord& step, Moment until);

  const StepSide reader_;
  const StepReaderOptions options_;
  const std::string stream_;
  std::shared_ptr<StepOutput> output_;
  std::optional<std::uint64_t> next_;  ///< in the file, to be shown; none: not known yet
  std::uint64_t number_ = 0;           ///< in the file, of the step that was shown last
  bool has_shown_ = false;
  bool is_unread_ = false;
};

}  // namespace locum::detail

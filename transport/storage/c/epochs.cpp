// Epochs over shards, for the C interface.
#include "transport/storage/shards/epochs.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/locum_shards.h"
#include "core/c/objects.hpp"
#include "core/c/unreleased.hpp"
#include "core/c/views.hpp"
#include "transport/storage/c/experiment_calls.hpp"
#include "transport/storage/c/shard_calls.hpp"
#include "transport/storage/c/values.hpp"
#include "transport/storage/shards/epoch_walk.hpp"

using namespace locum;
using namespace locum::c;

namespace {

Result<EpochState> state_in(const locum_array& array) {
  const auto record = stored_record(array);
  return record ? EpochState::of(*record) : Result<EpochState>(record.error());
}

locum_status give_state(const Result<EpochState>& state, locum_view& view) {
  return state ? give_record(state->record(), view) : failed(state.error());
}

/// Throws Error `invalid_argument`.
EpochOptions epoch_options(const locum_epochs_options* options) {
  require_known(options);
  EpochOptions how;
  if (options == nullptr) {
    return how;
  }
  how.seed = options->seed;
  how.shuffle_block = options->shuffle_block;
  switch (options->remainder) {
    case LOCUM_REMAINDER_EXACT:
      how.remainder = Remainder::exact;
      break;
    case LOCUM_REMAINDER_DROP:
      how.remainder = Remainder::drop;
      break;
    case LOCUM_REMAINDER_PAD:
      how.remainder = Remainder::pad;
      break;
    default:
      throw Error(Errc::invalid_argument, "the remainder of an epoch is one of locum_remainder, not " +
                                              std::to_string(options->remainder));
  }
  how.shuffle = !options->in_order;
  how.read_ahead = !options->no_read_ahead;
  how.skip_damaged = options->skip_damaged;
  how.first = options->first;
  how.count = options->count == 0 ? how.count : options->count;
  return how;
}

/// Calls `body` with the epochs of the handle. Any thread, whatever others do.
template <class Body>
locum_status on_epochs(locum_epochs handle, Body body) noexcept {
  return on(open_epochs(), handle, "reader of epochs",
            [&](const std::shared_ptr<OpenedEpochs>& open) { return body(*open); });
}

/// The same for what one thread at a time does: a second one is refused.
template <class Body>
locum_status read_epochs(locum_epochs handle, Body body) noexcept {
  return on_epochs(handle, [&](OpenedEpochs& open) {
    if (open.is_read.test_and_set(std::memory_order_acquire)) {
      return no_handle("reader of epochs");
    }
    const auto done = [](std::atomic_flag* flag) { flag->clear(std::memory_order_release); };
    const std::unique_ptr<std::atomic_flag, decltype(done)> reading(&open.is_read, done);
    return body(open);
  });
}

}  // namespace

locum_status locum_epochs_open(locum_shards shards, uint64_t rank, uint64_t ranks,
                               const locum_epochs_options* options, locum_epochs* handle) {
  clear(handle);
  return on(shard_sets(), shards, "set of shards", [&](const std::shared_ptr<OpenedShards>& open) {
    if (handle == nullptr) {
      return is_null("epochs");
    }
    const EpochOptions how = epoch_options(options);
    EpochState before;
    if (options != nullptr && options->state != nullptr) {
      auto state = state_in(*options->state);
      if (!state) {
        return failed(state.error());
      }
      before = std::move(*state);
    }
    name_unreleased_at_exit();
    auto walk = detail::make_epoch_walk(open->shards.source(), how, std::move(before), rank, ranks);
    if (const auto right = walk->check(); !right) {
      return failed(right.error());
    }
    return give(open_epochs(), std::make_shared<OpenedEpochs>(std::move(walk)), handle);
  });
}

locum_status locum_epochs_next(locum_epochs handle, double deadline_s, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return read_epochs(handle, [&](const OpenedEpochs& open) {
    if (view == nullptr) {
      return is_null("view");
    }
    for (;;) {
      const auto next = detail::next_sample(*open.walk, limit_of(deadline_s));
      if (!next) {
        return failed(next.error());
      }
      if (!*next) {
        return failed(Error(Errc::end_of_stream, "all samples of these epochs were given"));
      }
      const auto value = detail::SampleCoder<Record>::decode(StoredSample(**next));
      if (!value && detail::leave_out(*open.walk, value.error())) {
        continue;
      }
      if (!value) {
        return failed(detail::about_last(*open.walk, value.error()));
      }
      const locum_status given = give_sample(**next, value, *view);
      if (given == LOCUM_OK) {
        detail::move_on(*open.walk);
      }
      return given;
    }
  });
}

locum_status locum_epochs_skip(locum_epochs handle, uint64_t count, double deadline_s, uint64_t* skipped) {
  return read_epochs(handle, [&](const OpenedEpochs& open) {
    const auto made = detail::skip_samples(*open.walk, count, limit_of(deadline_s));
    if (!made) {
      return failed(made.error());
    }
    if (skipped != nullptr) {
      *skipped = *made;
    }
    return LOCUM_OK;
  });
}

locum_status locum_epochs_position(locum_epochs handle, uint64_t* position) {
  return on_epochs(handle, [&](const OpenedEpochs& open) {
    if (position == nullptr) {
      return is_null("position");
    }
    *position = open.reader.position().samples();
    return LOCUM_OK;
  });
}

locum_status locum_epochs_damaged(locum_epochs handle, uint64_t* damaged) {
  return on_epochs(handle, [&](const OpenedEpochs& open) {
    if (damaged == nullptr) {
      return is_null("damaged");
    }
    *damaged = open.reader.damaged();
    return LOCUM_OK;
  });
}

locum_status locum_epochs_state(locum_epochs handle, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return on_epochs(handle, [&](const OpenedEpochs& open) {
    return view == nullptr ? is_null("view") : give_state(open.reader.state(), *view);
  });
}

locum_status locum_epochs_state_at(locum_epochs handle, uint64_t position, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return on_epochs(handle, [&](const OpenedEpochs& open) {
    return view == nullptr ? is_null("view") : give_state(open.reader.state_at(position), *view);
  });
}

locum_status locum_epochs_join(size_t count, const locum_array* states, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return guarded([&] {
    if (view == nullptr || (count > 0 && states == nullptr)) {
      return is_null(view == nullptr ? "view" : "states");
    }
    std::vector<EpochState> ranks;
    for (std::size_t at = 0; at < count; ++at) {
      auto state = state_in(states[at]);
      if (!state) {
        return failed(state.error());
      }
      ranks.push_back(std::move(*state));
    }
    return give_state(EpochState::join(ranks), *view);
  });
}

locum_status locum_epochs_close(locum_epochs* handle) {
  return release(open_epochs(), handle, "reader of epochs");
}

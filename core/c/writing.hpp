#pragma once

#include "core/c/locum.h"
#include "core/call_options.hpp"
#include "core/raw_store.hpp"
#include "core/value/key.hpp"
#include "core/value/result.hpp"

namespace locum::c {

/// Returns the options of a call that stores. `options` may be NULL.
[[nodiscard]] StoringOptions storing(const locum_put_options* options);
/// Returns the options of a call that replaces. `options` may be NULL.
[[nodiscard]] RawReplaceOptions replacing(const locum_put_options* options);
/// Sets `*key`, which may be NULL, or returns the error.
[[nodiscard]] locum_status give_key(const Result<Key>& stored, locum_key* key);

}  // namespace locum::c

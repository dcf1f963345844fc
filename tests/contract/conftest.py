"""Makes the shared suite's assertions speak as those of a test file do."""

import pytest

pytest.register_assert_rewrite("connector_contract", "contract_of_changes", "contract_of_faults")

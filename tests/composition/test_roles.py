import pytest

from concentra.composition.roles import guess_roles, refuse_turned, require
from concentra.errors import ColumnError, TableError

CELLXGENE = [
    "donor_id", "tissue", "tissue_ontology_term_id", "cell_type", "cell_type_ontology_term_id", "development_stage",
    "sex", "disease", "assay", "self_reported_ethnicity", "suspension_type", "is_primary_data",
]  # fmt: skip


def test_the_cellxgene_schema():
    roles = guess_roles(CELLXGENE)
    assert (roles.donor, roles.stratum, roles.part) == ("donor_id", "tissue", "cell_type")
    assert roles.sample is None


@pytest.mark.parametrize(
    "names, expected",
    [
        (["mouse.id", "tissue", "cell_ontology_class", "age"], ("mouse.id", "tissue", "cell_ontology_class")),
        (["Animal ID", "Organ", "Cell Type (final)", "Gender"], ("Animal ID", "Organ", "Cell Type (final)")),
        (["patientID", "seurat_clusters", "nCount_RNA"], ("patientID", None, "seurat_clusters")),
        (["orig.ident", "CellType", "Tissue"], ("orig.ident", "Tissue", "CellType")),
    ],
)
def test_names_that_people_use(names, expected):
    roles = guess_roles(names)
    assert (roles.donor, roles.stratum, roles.part) == expected


def test_what_the_user_names_is_never_overruled():
    roles = guess_roles(CELLXGENE, donor="assay", stratum="none", part="disease")
    assert (roles.donor, roles.stratum, roles.part) == ("assay", None, "disease")
    assert roles.notes == ()


def test_a_column_named_for_one_role_is_not_guessed_for_another():
    assert guess_roles(["sample", "cluster", "tissue"], stratum="sample", donor="tissue").part == "cluster"


def test_a_library_is_noted_as_perhaps_no_animal():
    assert any("may name libraries" in note.text for note in guess_roles(["sample_id", "cell_type"]).notes)


def test_other_candidates_are_noted():
    notes = guess_roles(["donor_id", "mouse_id", "leiden", "cell_type"]).notes
    assert "'mouse_id' would also fit" in notes[0].text
    assert "'leiden' would also fit" in notes[2].text


def test_a_constant_column_is_no_donor():
    assert guess_roles(["donor", "animal", "cell_type"], constant=["donor"]).donor == "animal"


def test_no_donor_and_misspelt_columns():
    with pytest.raises(ColumnError, match="no column that looks like the donor"):
        guess_roles(["cell_type", "tissue"])
    with pytest.raises(ColumnError, match="did you mean 'cell_type'"):
        guess_roles(["donor_id", "cell_type"], part="cel_type")
    with pytest.raises(ColumnError, match="a column for the unit"):
        require("x", ["y"], "unit")


def test_a_table_that_is_transposed_or_has_other_separators():
    with pytest.raises(ColumnError, match="transpose the table"):
        guess_roles(["cell_type", "d0", "d1", "part"], part="part")
    with pytest.raises(ColumnError, match="commas, semicolons or tabs"):
        guess_roles(["donor|T|B", "part"], part="part")
    with pytest.raises(TableError, match="'cell_type' as that of donors"):
        refuse_turned("cell_type")


def test_a_column_of_samples_beside_the_donor():
    assert guess_roles(["donor_id", "biopsy", "cell_type"]).sample == "biopsy"
    assert guess_roles(["sample_id", "cell_type"]).sample is None
    with pytest.raises(ColumnError, match="a column for the sample"):
        guess_roles(["donor_id", "cell_type"], sample="visit")


def test_all_columns_that_are_not_recognised_are_asked_for_at_once():
    with pytest.raises(ColumnError) as refused:
        guess_roles(["Maus", "Organ", "Zelltyp"])
    text = str(refused.value)
    assert "looks like the donor, and none like the cell type" in text
    assert "--donor COLUMN --cell-type COLUMN [--tissue COLUMN]" in text
    with pytest.raises(ColumnError) as refused:
        guess_roles(["Maus", "Organ", "Zelltyp"], part="Zelltyp")
    assert "cell type" not in str(refused.value)

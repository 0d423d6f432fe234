"""Fields of the doctypes that the stand-in knows, as an ERPNext 15 has them (from real answers and its doctypes).

What is not listed is refused in a query (417 DataError) and ignored in silence when it is written.
"""

from __future__ import annotations

STANDARD = frozenset("name owner creation modified modified_by docstatus idx".split())
CHILD = frozenset("parent parentfield parenttype".split())

FIELDS: dict[str, frozenset[str]] = {
    "Account": frozenset(
        (
            "account_currency account_name account_number account_type company disabled is_group parent_account "
            "root_type"
        ).split()
    ),
    "Accounting Dimension": frozenset(("disabled document_type fieldname label").split()),
    "Bank Account": frozenset(("account account_name bank company is_company_account").split()),
    "Bank Transaction": frozenset(
        (
            "allocated_amount bank_account company currency date deposit description naming_series party "
            "party_type payment_entries reference_number status transaction_id unallocated_amount withdrawal"
        ).split()
    ),
    "Bank Transaction Payments": frozenset(("allocated_amount clearance_date payment_document payment_entry").split()),
    "Bin": frozenset(
        (
            "actual_qty item_code ordered_qty projected_qty reserved_qty reserved_qty_for_production "
            "reserved_qty_for_sub_contract stock_value valuation_rate warehouse"
        ).split()
    ),
    "Branch": frozenset(("branch").split()),
    "Comment": frozenset(("comment_type content reference_doctype reference_name").split()),
    "Company": frozenset(
        (
            "abbr company_name cost_center default_currency default_in_transit_warehouse default_income_account "
            "default_receivable_account exchange_gain_loss_account"
        ).split()
    ),
    "Contact": frozenset(("email_id email_ids first_name links mobile_no phone_nos").split()),
    "Cost Center": frozenset(("company cost_center_name disabled is_group").split()),
    "Customer": frozenset(
        (
            "accounts companies credit_limits customer_details customer_group customer_name "
            "customer_primary_contact customer_type default_commission_rate disabled dn_required email_id "
            "is_frozen is_internal_customer language mobile_no naming_series portal_users sales_team so_required "
            "tax_id territory website"
        ).split()
    ),
    "Department": frozenset(("company department_name disabled is_group").split()),
    "Item": frozenset(
        (
            "allow_alternative_item allow_negative_stock attributes auto_create_assets barcodes create_new_batch "
            "customer_code customer_items default_material_request_type delivered_by_supplier description "
            "disabled enable_deferred_expense enable_deferred_revenue end_of_life grant_commission has_batch_no "
            "has_expiry_date has_serial_no has_variants include_item_in_manufacturing "
            "inspection_required_before_delivery inspection_required_before_purchase is_customer_provided_item "
            "is_fixed_asset is_grouped_asset is_purchase_item is_sales_item is_stock_item is_sub_contracted_item "
            "item_code item_defaults item_group item_name last_purchase_rate lead_time_days max_discount "
            "min_order_qty naming_series no_of_months no_of_months_exp opening_stock over_billing_allowance "
            "over_delivery_receipt_allowance reorder_levels retain_sample safety_stock sample_quantity "
            "shelf_life_in_days standard_rate stock_uom supplier_items taxes total_projected_qty uoms "
            "valuation_method valuation_rate variant_based_on variant_of weight_per_unit"
        ).split()
    ),
    "Journal Entry": frozenset(
        (
            "accounts amended_from apply_tds cheque_date cheque_no clearance_date company difference is_opening "
            "is_system_generated multi_currency naming_series posting_date remark title total_amount "
            "total_amount_in_words total_credit total_debit user_remark voucher_type write_off_amount "
            "write_off_based_on"
        ).split()
    ),
    "Journal Entry Account": frozenset(
        (
            "account account_currency account_type cost_center credit credit_in_account_currency debit "
            "debit_in_account_currency exchange_rate is_advance party party_type project reference_name "
            "reference_type user_remark"
        ).split()
    ),
    "Payment Entry": frozenset(
        (
            "amended_from apply_tax_withholding_amount bank_account base_in_words base_paid_amount "
            "base_paid_amount_after_tax base_received_amount base_received_amount_after_tax "
            "base_total_allocated_amount base_total_taxes_and_charges "
            "book_advance_payments_in_separate_party_account clearance_date company cost_center custom_remarks "
            "deductions difference_amount in_words is_opening mode_of_payment naming_series paid_amount "
            "paid_amount_after_tax paid_from paid_from_account_balance paid_from_account_currency "
            "paid_from_account_type paid_to paid_to_account_balance paid_to_account_currency paid_to_account_type "
            "party party_balance party_name party_type payment_order_status payment_type posting_date project "
            "received_amount received_amount_after_tax reconcile_on_advance_payment_date reference_date "
            "reference_no references remarks source_exchange_rate status target_exchange_rate taxes title "
            "total_allocated_amount total_taxes_and_charges unallocated_amount"
        ).split()
    ),
    "Payment Entry Reference": frozenset(
        (
            "account allocated_amount due_date exchange_gain_loss exchange_rate outstanding_amount "
            "payment_request_outstanding payment_term_outstanding reference_doctype reference_name total_amount"
        ).split()
    ),
    "Payment Entry Deduction": frozenset(("account amount cost_center description is_exchange_gain_loss").split()),
    "Project": frozenset(("company project_name status").split()),
    "Purchase Order": frozenset(
        ("company currency grand_total items per_received rounded_total status supplier transaction_date").split()
    ),
    "Purchase Order Item": frozenset(("amount item_code item_name qty rate").split()),
    "Sales Invoice": frozenset(
        (
            "additional_discount_percentage address_display advances against_income_account "
            "allocate_advances_automatically amended_from amount_eligible_for_commission apply_discount_on "
            "base_change_amount base_discount_amount base_grand_total base_in_words base_net_total "
            "base_paid_amount base_rounded_total base_rounding_adjustment base_total base_total_taxes_and_charges "
            "base_write_off_amount change_amount commission_rate company conversion_rate cost_center currency "
            "customer customer_address customer_group customer_name debit_to disable_rounded_total "
            "discount_amount due_date grand_total group_same_items ignore_default_payment_terms_template "
            "ignore_pricing_rule in_words is_cash_or_non_trade_discount is_consolidated is_debit_note "
            "is_discounted is_internal_customer is_opening is_pos is_return items language loyalty_amount "
            "loyalty_points naming_series net_total only_include_allocated_payments other_charges_calculation "
            "outstanding_amount packed_items paid_amount party_account_currency payment_schedule "
            "payment_terms_template payments plc_conversion_rate po_no posting_date posting_time "
            "price_list_currency pricing_rules project redeem_loyalty_points remarks return_against rounded_total "
            "rounding_adjustment sales_team select_print_heading selling_price_list set_posting_time "
            "set_warehouse status tax_category tax_id taxes taxes_and_charges terms territory timesheets title "
            "total total_advance total_billing_amount total_billing_hours total_commission total_net_weight "
            "total_qty total_taxes_and_charges update_billed_amount_in_delivery_note "
            "update_billed_amount_in_sales_order update_outstanding_for_self update_stock "
            "use_company_roundoff_cost_center write_off_amount write_off_outstanding_amount_automatically"
        ).split()
    ),
    "Sales Invoice Item": frozenset(
        (
            "actual_batch_qty actual_qty allow_zero_valuation_rate amount base_amount base_net_amount "
            "base_net_rate base_price_list_rate base_rate base_rate_with_margin batch_no company_total_stock "
            "conversion_factor cost_center delivered_by_supplier delivered_qty delivery_note description "
            "discount_amount discount_percentage enable_deferred_revenue expense_account grant_commission "
            "has_item_scanned image income_account incoming_rate is_fixed_asset is_free_item item_code item_group "
            "item_name item_tax_rate margin_rate_or_amount margin_type net_amount net_rate page_break "
            "price_list_rate project qty rate rate_with_margin sales_invoice_item sales_order so_detail stock_qty "
            "stock_uom stock_uom_rate total_weight uom use_serial_batch_fields warehouse weight_per_unit"
        ).split()
    ),
    "Sales Order": frozenset(
        (
            "additional_discount_percentage address_display advance_paid amended_from "
            "amount_eligible_for_commission apply_discount_on base_discount_amount base_grand_total base_in_words "
            "base_net_total base_rounded_total base_rounding_adjustment base_total base_total_taxes_and_charges "
            "billing_status commission_rate company conversion_rate cost_center currency customer "
            "customer_address customer_group customer_name delivery_date delivery_status disable_rounded_total "
            "discount_amount grand_total group_same_items ignore_pricing_rule in_words is_internal_customer items "
            "language loyalty_amount loyalty_points naming_series net_total order_type other_charges_calculation "
            "packed_items payment_schedule per_billed per_delivered per_picked plc_conversion_rate po_no "
            "price_list_currency pricing_rules project reserve_stock rounded_total rounding_adjustment sales_team "
            "selling_price_list set_warehouse skip_delivery_note status tax_category tax_id taxes "
            "taxes_and_charges tc_name terms territory title total total_commission total_net_weight total_qty "
            "total_taxes_and_charges transaction_date"
        ).split()
    ),
    "Sales Order Item": frozenset(
        (
            "actual_qty against_blanket_order amount base_amount base_net_amount base_net_rate "
            "base_price_list_rate base_rate base_rate_with_margin billed_amt blanket_order_rate "
            "company_total_stock conversion_factor cost_center delivered_by_supplier delivered_qty delivery_date "
            "description discount_amount discount_percentage ensure_delivery_based_on_produced_serial_no "
            "grant_commission gross_profit image is_free_item is_stock_item item_code item_group item_name "
            "item_tax_rate margin_rate_or_amount margin_type net_amount net_rate ordered_qty page_break "
            "picked_qty planned_qty price_list_rate produced_qty production_plan_qty project projected_qty qty "
            "rate rate_with_margin reserve_stock returned_qty stock_qty stock_reserved_qty stock_uom "
            "stock_uom_rate total_weight transaction_date uom valuation_rate warehouse weight_per_unit "
            "work_order_qty"
        ).split()
    ),
    "Sales Taxes and Charges": frozenset(
        (
            "account_currency account_head base_tax_amount base_tax_amount_after_discount_amount base_total "
            "charge_type cost_center description dont_recompute_tax included_in_paid_amount "
            "included_in_print_rate item_wise_tax_detail rate row_id tax_amount tax_amount_after_discount_amount "
            "total"
        ).split()
    ),
    "Sales Taxes and Charges Template": frozenset(("company disabled is_default taxes title").split()),
    "Warehouse": frozenset(("company disabled is_group warehouse_name warehouse_type").split()),
}
